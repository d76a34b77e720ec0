/**
 * What an expression comes to: enough of the language to follow a fragment of SQL through
 * constants, functions, branches and lists. Whatever carries no SQL is left unknown.
 */
import ts from 'typescript'
import { Infeasible } from './choices'
import { choice, compare, isTruthy, settle } from './decide'
import { itemsOf, joinSql, rawSql, templateSql } from './fragments'
import { apply, parameterValue, pushedTo } from './functions'
import { opaque, scopeOf, typeAt, unknownOf, type Run } from './run'
import { keyOf, literal, Unresolved, type Scope, type Value } from './values'

export function evaluate(run: Run, node: ts.Expression, scope: Scope): Value {
  if (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isNonNullExpression(node)
  )
    return evaluate(run, node.expression, scope)
  if (ts.isStringLiteralLike(node)) return literal(node.text)
  if (ts.isNumericLiteral(node)) return literal(Number(node.text.replaceAll('_', '')))
  if (node.kind === ts.SyntaxKind.TrueKeyword) return literal(true)
  if (node.kind === ts.SyntaxKind.FalseKeyword) return literal(false)
  if (node.kind === ts.SyntaxKind.NullKeyword) return literal(null)
  if (ts.isIdentifier(node)) return named(run, node, scope)
  if (ts.isTaggedTemplateExpression(node) && isPrisma(node.tag, 'sql'))
    return templateSql(run, node.template, scope)
  if (ts.isTemplateExpression(node)) return template(run, node, scope)
  if (ts.isConditionalExpression(node))
    return evaluate(run, isTrue(run, node.condition, scope) ? node.whenTrue : node.whenFalse, scope)
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
    return literal(!isTrue(run, node.operand, scope))
  if (ts.isBinaryExpression(node)) return binary(run, node, scope)
  if (ts.isPropertyAccessExpression(node)) return property(run, node, scope)
  if (ts.isElementAccessExpression(node)) return element(run, node, scope)
  if (ts.isArrayLiteralExpression(node)) return { kind: 'array', items: items(run, node, scope) }
  if (ts.isObjectLiteralExpression(node)) return object(run, node, scope)
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node))
    return { kind: 'function', node, scope }
  if (ts.isCallExpression(node)) return called(run, node, scope)
  if (ts.isAwaitExpression(node)) {
    const value = evaluate(run, node.expression, scope)
    return value.kind === 'opaque' ? { ...value, type: typeAt(run, node) } : value
  }
  return unknownOf(run, node, scope)
}

const isTrue = (run: Run, node: ts.Expression, scope: Scope) =>
  isTruthy(run, evaluate(run, node, scope))

const isPrisma = (node: ts.Expression, name: string) =>
  ts.isPropertyAccessExpression(node) &&
  ts.isIdentifier(node.expression) &&
  node.expression.text === 'Prisma' &&
  node.name.text === name

function template(run: Run, node: ts.TemplateExpression, scope: Scope): Value {
  let text = node.head.text
  for (const span of node.templateSpans) {
    const value = evaluate(run, span.expression, scope)
    if (value.kind !== 'literal') return unknownOf(run, node, scope)
    text += String(value.value) + span.literal.text
  }
  return literal(text)
}

function named(run: Run, node: ts.Identifier, scope: Scope): Value {
  if (node.text === 'undefined') return literal(undefined)
  const declaration = ts.isShorthandPropertyAssignment(node.parent)
    ? run.source.checker.getShorthandAssignmentValueSymbol(node.parent)?.valueDeclaration
    : run.source.declarationOf(node)
  if (!declaration || !run.source.isProduct(declaration.getSourceFile()))
    return unknownOf(run, node, scope)
  return declared(run, declaration, node, scope)
}

function declared(run: Run, declaration: ts.Declaration, use: ts.Identifier, scope: Scope): Value {
  if (ts.isParameter(declaration)) return parameterValue(run, declaration, scope)
  if (ts.isBindingElement(declaration)) return takenApart(run, declaration, use, scope)
  if (ts.isFunctionDeclaration(declaration))
    return { kind: 'function', node: declaration, scope: scopeOf(declaration, scope) }
  if (ts.isVariableDeclaration(declaration)) return variable(run, declaration, use, scope)
  return unknownOf(run, use, scope)
}

function variable(
  run: Run,
  declaration: ts.VariableDeclaration,
  use: ts.Identifier,
  scope: Scope,
): Value {
  const list = declaration.parent
  if (ts.isVariableDeclarationList(list) && ts.isForOfStatement(list.parent))
    return itemOfLoop(run, list.parent, use, scope)
  const { initializer } = declaration
  if (!initializer || !(list.flags & ts.NodeFlags.Const)) return unknownOf(run, use, scope)
  const value = evaluate(run, initializer, scopeOf(declaration, scope))
  if (value.kind !== 'array' || !run.source.holdsSql(typeAt(run, use))) return value
  return { kind: 'array', items: [...value.items, ...pushedTo(run, declaration, use, scope)] }
}

function itemOfLoop(run: Run, loop: ts.ForOfStatement, use: ts.Identifier, scope: Scope): Value {
  const list = evaluate(run, loop.expression, scope)
  if (list.kind !== 'array') return unknownOf(run, use, scope)
  if (list.items.length === 0) throw new Infeasible()
  const key = `item of ${loop.getSourceFile().fileName}:${loop.pos}`
  const item = list.items[run.choose(key, list.items.length)]
  if (!item) throw new Infeasible()
  return item
}

/** A name that stands in a pattern: `{ table, name }`, `[first]`. */
function takenApart(run: Run, node: ts.BindingElement, use: ts.Identifier, scope: Scope): Value {
  const pattern = node.parent
  const owner = pattern.parent
  const whole = ts.isBindingElement(owner)
    ? takenApart(run, owner, use, scope)
    : ts.isParameter(owner)
      ? parameterValue(run, owner, scope)
      : variable(run, owner, use, scope)
  if (node.dotDotDotToken) return unknownOf(run, use, scope)
  const label = node.propertyName ?? node.name
  const value = ts.isArrayBindingPattern(pattern)
    ? itemAt(run, whole, pattern.elements.indexOf(node), typeAt(run, node.name))
    : propertyOf(run, whole, ts.isIdentifier(label) ? label.text : label.getText(), node.name)
  const isLeftOut = value.kind === 'literal' && value.value === undefined
  return isLeftOut && node.initializer ? evaluate(run, node.initializer, scope) : value
}

function itemAt(run: Run, whole: Value, index: number, type: ts.Type): Value {
  if (whole.kind === 'array') return whole.items[index] ?? literal(undefined)
  return opaque(`${keyOf(whole)}[${index}]`, String(index), type)
}

function binary(run: Run, node: ts.BinaryExpression, scope: Scope): Value {
  const left = evaluate(run, node.left, scope)
  const right = () => evaluate(run, node.right, scope)
  const operator = node.operatorToken.getText()
  if (operator === '&&') return isTruthy(run, left) ? right() : settle(run, left)
  if (operator === '||') return isTruthy(run, left) ? settle(run, left) : right()
  if (operator === '??') {
    const value = settle(run, left)
    return isMissing(value) ? right() : value
  }
  return compare(run, operator, left, right()) ?? unknownOf(run, node, scope)
}

const isMissing = (value: Value) => value.kind === 'literal' && (value.value ?? null) === null

function property(run: Run, node: ts.PropertyAccessExpression, scope: Scope): Value {
  if (isPrisma(node, 'empty')) return { kind: 'sql', chunks: [] }
  const whole = evaluate(run, node.expression, scope)
  const base = node.questionDotToken ? settle(run, whole) : whole
  if (isMissing(base)) {
    if (node.questionDotToken) return literal(undefined)
    throw new Infeasible()
  }
  return propertyOf(run, base, node.name.text, node)
}

function propertyOf(run: Run, base: Value, name: string, node: ts.Node): Value {
  if (base.kind === 'object') return base.get(name)
  if (base.kind === 'array' && name === 'length') return literal(base.items.length)
  if (base.kind === 'literal' && typeof base.value === 'string' && name === 'length')
    return literal(base.value.length)
  if (isMissing(base)) throw new Infeasible()
  return opaque(`${keyOf(base)}.${name}`, name, typeAt(run, node))
}

function element(run: Run, node: ts.ElementAccessExpression, scope: Scope): Value {
  const base = evaluate(run, node.expression, scope)
  const key = settle(run, evaluate(run, node.argumentExpression, scope))
  if (base.kind === 'object' && key.kind === 'literal') return base.get(String(key.value))
  if (base.kind === 'array' && key.kind === 'literal')
    return base.items[Number(key.value)] ?? literal(undefined)
  return opaque(`${keyOf(base)}[${keyOf(key)}]`, node.getText(), typeAt(run, node))
}

function items(run: Run, node: ts.ArrayLiteralExpression, scope: Scope): Value[] {
  return node.elements.flatMap((each) =>
    ts.isSpreadElement(each)
      ? itemsOf(run, evaluate(run, each.expression, scope), each.expression)
      : [evaluate(run, each, scope)],
  )
}

function object(run: Run, node: ts.ObjectLiteralExpression, scope: Scope): Value {
  const get = (name: string): Value => {
    for (const each of [...node.properties].reverse()) {
      if (ts.isSpreadAssignment(each)) {
        const found = ofSpread(run, evaluate(run, each.expression, scope), name)
        if (found) return found
      } else if (each.name && (ts.isIdentifier(each.name) || ts.isStringLiteral(each.name))) {
        if (each.name.text !== name) continue
        if (ts.isPropertyAssignment(each)) return evaluate(run, each.initializer, scope)
        if (ts.isShorthandPropertyAssignment(each)) return named(run, each.name, scope)
        return ts.isMethodDeclaration(each)
          ? { kind: 'function', node: each, scope }
          : literal(undefined)
      }
    }
    return literal(undefined)
  }
  return { kind: 'object', key: unknownOf(run, node, scope).key, get }
}

/** Undefined where what is spread has no such property. */
function ofSpread(run: Run, spread: Value, name: string): Value | undefined {
  const value = settle(run, spread)
  if (value.kind === 'object') {
    const found = value.get(name)
    return found.kind === 'literal' && found.value === undefined ? undefined : found
  }
  if (value.kind !== 'opaque') return undefined
  const { checker } = run.source
  const symbol = checker.getPropertyOfType(value.type, name)
  return symbol && opaque(`${value.key}.${name}`, name, checker.getTypeOfSymbol(symbol))
}

function called(run: Run, node: ts.CallExpression, scope: Scope): Value {
  const callee = node.expression
  if (isPrisma(callee, 'join')) return joinSql(run, node, scope)
  if (isPrisma(callee, 'raw')) return rawSql(run, node, scope)
  if (callee.getText() === 'Array.isArray' && node.arguments[0])
    return isArray(run, evaluate(run, node.arguments[0], scope))
  // Only what carries SQL is followed; the rest is a parameter, or the condition of a branch.
  if (!run.source.holdsSql(typeAt(run, node))) return unknownOf(run, node, scope)
  if (ts.isPropertyAccessExpression(callee)) {
    const listed = ofList(run, callee, node, scope)
    if (listed) return listed
  }
  const target = evaluate(run, callee, scope)
  if (target.kind !== 'function')
    throw new Unresolved(node, `what ${callee.getText()} does cannot be followed`)
  return apply(
    run,
    target,
    node.arguments.map((each) => () => evaluate(run, each, scope)),
    { node, scope },
  )
}

function isArray(run: Run, value: Value): Value {
  if (value.kind !== 'opaque') return literal(value.kind === 'array')
  return literal(
    run.source.checker.isArrayLikeType(value.type) || choice(run, `is a list: ${value.key}`),
  )
}

/** The methods of lists that fragments are made with. */
function ofList(
  run: Run,
  callee: ts.PropertyAccessExpression,
  node: ts.CallExpression,
  scope: Scope,
): Value | undefined {
  const name = callee.name.text
  if (!['map', 'flatMap', 'filter', 'concat'].includes(name)) return undefined
  const list = itemsOf(run, evaluate(run, callee.expression, scope), callee.expression)
  const [argument] = node.arguments
  if (!argument) return undefined
  const given = evaluate(run, argument, scope)
  if (name === 'concat')
    return { kind: 'array', items: [...list, ...itemsOf(run, given, argument)] }
  if (name === 'filter')
    return {
      kind: 'array',
      items: list.filter((item) => item.kind !== 'literal' || Boolean(item.value)),
    }
  if (given.kind !== 'function')
    throw new Unresolved(argument, 'a function that is not written here')
  const mapped = list.map((item, index) =>
    apply(run, given, [() => item, () => literal(index)], { node, scope, index }),
  )
  return {
    kind: 'array',
    items: name === 'map' ? mapped : mapped.flatMap((item) => itemsOf(run, item, argument)),
  }
}
