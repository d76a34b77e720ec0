/** Functions that make fragments: their calls, their bodies, their parameters. */
import ts from 'typescript'
import { Infeasible } from './choices'
import { isSame, isTruthy, settle } from './decide'
import { nameOfFunction, walk } from './program'
import { isInside, opaque, scopeOf, standing, typeAt, type Run } from './run'
import { literal, Unresolved, type Scope, type Value } from './values'

const maxDepth = 50

/** The value of a call; arguments are looked at only where the body asks for them. */
export function apply(
  run: Run,
  target: Value & { kind: 'function' },
  args: (() => Value)[],
  call: { node: ts.Node; scope: Scope; index?: number },
): Value {
  const { node, scope: outer } = target
  const id = `${call.scope.id}>${call.node.pos}.${call.index ?? 0}`
  const scope: Scope = { id, node, parameters: new Map(), outer }
  if (id.split('>').length > maxDepth) throw new Unresolved(call.node, 'calls that go too deep')
  for (const [index, parameter] of node.parameters.entries())
    scope.parameters.set(parameter, argument(run, parameter, args.slice(index), scope))
  if (!('body' in node) || !node.body)
    throw new Unresolved(call.node, `${nameOfFunction(node) ?? 'a function'} has no body here`)
  const { body } = node
  if (!ts.isBlock(body)) return run.evaluate(body, scope)
  const value = returned(run, body.statements, scope)
  return value === undefined || value === 'break' ? literal(undefined) : value
}

function argument(
  run: Run,
  parameter: ts.ParameterDeclaration,
  args: (() => Value)[],
  scope: Scope,
): () => Value {
  if (parameter.dotDotDotToken) return () => ({ kind: 'array', items: args.map((arg) => arg()) })
  return () => {
    const given = args[0]?.() ?? literal(undefined)
    const isMissing = given.kind === 'literal' && given.value === undefined
    return isMissing && parameter.initializer ? run.evaluate(parameter.initializer, scope) : given
  }
}

/** What these statements return, undefined where they run to their end. */
function returned(
  run: Run,
  statements: readonly ts.Statement[],
  scope: Scope,
): Value | 'break' | undefined {
  for (const statement of statements) {
    const value = returnedBy(run, statement, scope)
    if (value) return value
  }
  return undefined
}

function returnedBy(run: Run, statement: ts.Statement, scope: Scope): Value | 'break' | undefined {
  if (ts.isReturnStatement(statement))
    return statement.expression ? run.evaluate(statement.expression, scope) : literal(undefined)
  if (ts.isThrowStatement(statement)) throw new Infeasible()
  if (ts.isBreakStatement(statement)) return 'break'
  if (ts.isBlock(statement)) return returned(run, statement.statements, scope)
  if (ts.isTryStatement(statement)) return returned(run, statement.tryBlock.statements, scope)
  if (ts.isIfStatement(statement)) {
    const way = isTruthy(run, run.evaluate(statement.expression, scope))
      ? statement.thenStatement
      : statement.elseStatement
    return way && returnedBy(run, way, scope)
  }
  if (ts.isSwitchStatement(statement)) return returnedBySwitch(run, statement, scope)
  if (ts.isIterationStatement(statement, false) && hasReturn(statement))
    throw new Unresolved(statement, 'a loop that returns')
  return undefined
}

function returnedBySwitch(
  run: Run,
  { expression, caseBlock: { clauses } }: ts.SwitchStatement,
  scope: Scope,
): Value | undefined {
  const value = settle(run, run.evaluate(expression, scope))
  const matched = clauses.findIndex(
    (clause) =>
      ts.isCaseClause(clause) && isSame(run, value, run.evaluate(clause.expression, scope)),
  )
  const from = matched >= 0 ? matched : clauses.findIndex(ts.isDefaultClause)
  if (from < 0) return undefined
  const result = returned(
    run,
    clauses.slice(from).flatMap((clause) => [...clause.statements]),
    scope,
  )
  return result === 'break' ? undefined : result
}

function hasReturn(node: ts.Node): boolean {
  let found = false
  walk(node, (inner) => {
    if (ts.isReturnStatement(inner)) found = true
  })
  return found
}

/** The value of a parameter, or of a name that takes one apart. */
export function parameterValue(run: Run, parameter: ts.ParameterDeclaration, scope: Scope): Value {
  for (let at: Scope | null = scope; at; at = at.outer) {
    const bound = at.parameters.get(parameter)
    if (bound) return bound()
  }
  const type = typeAt(run, parameter)
  const owner = parameter.parent
  if (owner.parameters.some((each) => run.source.holdsSql(typeAt(run, each)))) {
    const called = callerOf(run, owner)
    const bound = called?.parameters.get(parameter)
    if (bound) return bound()
  }
  const file = parameter.getSourceFile().fileName
  return opaque(`${file}:${parameter.pos}`, parameter.name.getText(), type)
}

/**
 * A function that is handed a fragment is looked at from each of its calls. Null where nobody calls
 * it.
 */
function callerOf(run: Run, owner: ts.SignatureDeclaration): Scope | null {
  const known = run.calledFrom.get(owner)
  if (known !== undefined) return known
  const declaration =
    ts.isArrowFunction(owner) || ts.isFunctionExpression(owner) ? owner.parent : owner
  const calls = run.source
    .callsOf(declaration as ts.Declaration)
    .filter((call) => !isInside(call, owner))
  const name = nameOfFunction(owner) ?? 'a function'
  if (calls.length === 0) {
    run.calledFrom.set(owner, null)
    return null
  }
  const key = `call of ${name} in ${owner.getSourceFile().fileName}`
  const call = calls[calls.length > 1 ? run.choose(key, calls.length) : 0]
  if (!call) throw new Infeasible()
  const around = standing(call)
  const scope: Scope = { ...around, node: owner, parameters: new Map(), outer: standing(owner) }
  const args = call.arguments.map((node) => () => run.evaluate(node, around))
  for (const [index, parameter] of owner.parameters.entries())
    scope.parameters.set(parameter, argument(run, parameter, args.slice(index), scope))
  run.calledFrom.set(owner, scope)
  return scope
}

/** What is pushed to a list of fragments between its making and its use, by the ways taken. */
export function pushedTo(
  run: Run,
  declaration: ts.VariableDeclaration,
  use: ts.Node,
  scope: Scope,
): Value[] {
  const block = ts.findAncestor(declaration, ts.isBlock)
  if (!block) return []
  const inner = scopeOf(declaration, scope)
  const items: Value[] = []
  walk(block, (node) => {
    if (!isPushTo(run, node, declaration) || node.pos > use.pos) return
    if (isOnTheWay(run, node, block, inner))
      items.push(...node.arguments.map((each) => run.evaluate(each, inner)))
  })
  return items
}

function isPushTo(
  run: Run,
  node: ts.Node,
  declaration: ts.VariableDeclaration,
): node is ts.CallExpression {
  return (
    ts.isCallExpression(node) &&
    ts.isPropertyAccessExpression(node.expression) &&
    node.expression.name.text === 'push' &&
    run.source.declarationOf(node.expression.expression) === declaration
  )
}

function isOnTheWay(run: Run, node: ts.Node, block: ts.Block, scope: Scope): boolean {
  const ways: { condition: ts.Expression; wanted: boolean }[] = []
  for (let at = node; at.parent !== block.parent && at !== block; at = at.parent) {
    const { parent } = at
    if (ts.isIfStatement(parent) && at !== parent.expression)
      ways.unshift({ condition: parent.expression, wanted: at === parent.thenStatement })
    else if (!ts.isBlock(parent) && !ts.isExpressionStatement(parent))
      throw new Unresolved(node, 'a list that grows in a loop')
  }
  return ways.every(
    ({ condition, wanted }) => isTruthy(run, run.evaluate(condition, scope)) === wanted,
  )
}
