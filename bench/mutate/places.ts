/** Every place of a file that can be changed, by the syntax tree of the compiler. */
import ts from 'typescript'
import { otherState, type Mutant, type Operator } from './mutant'
import { sqlPlaces } from './sql'

type Change = [Operator, string]

const turned: Partial<Record<ts.SyntaxKind, Change>> = {
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: ['comparison', '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: ['comparison', '==='],
  [ts.SyntaxKind.EqualsEqualsToken]: ['comparison', '!='],
  [ts.SyntaxKind.ExclamationEqualsToken]: ['comparison', '=='],
  [ts.SyntaxKind.LessThanToken]: ['boundary', '<='],
  [ts.SyntaxKind.LessThanEqualsToken]: ['boundary', '<'],
  [ts.SyntaxKind.GreaterThanToken]: ['boundary', '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken]: ['boundary', '>'],
  [ts.SyntaxKind.AmpersandAmpersandToken]: ['boolean', '||'],
  [ts.SyntaxKind.BarBarToken]: ['boolean', '&&'],
  [ts.SyntaxKind.PlusToken]: ['arithmetic', '-'],
  [ts.SyntaxKind.MinusToken]: ['arithmetic', '+'],
  [ts.SyntaxKind.AsteriskToken]: ['arithmetic', '/'],
  [ts.SyntaxKind.SlashToken]: ['arithmetic', '*'],
}

const swapped: Record<string, string> = {
  'Math.max': 'Math.min',
  'Math.min': 'Math.max',
  larger: 'smaller',
  smaller: 'larger',
}

export function placesOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
  const found: Mutant[] = []
  const add = (operator: Operator, node: ts.Node, to: string) => {
    const start = node.getStart(source)
    const from = text.slice(start, node.end)
    found.push({ file, language: 'ts', operator, start, from, to })
  }
  visit(source)
  return found.toSorted((one, other) => one.start - other.start)

  function visit(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return
    if (ts.isBinaryExpression(node)) binary(node)
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
      add('boolean', node, node.operand.getText(source))
    if (node.kind === ts.SyntaxKind.TrueKeyword) add('boolean', node, 'false')
    if (node.kind === ts.SyntaxKind.FalseKeyword) add('boolean', node, 'true')
    if (ts.isIfStatement(node) && leaves(node.thenStatement))
      add('early return', node.expression, 'false')
    if (ts.isThrowStatement(node)) add('removed throw', node, ';')
    if (ts.isExpressionStatement(node) && ts.isAwaitExpression(node.expression))
      add('removed call', node, ';')
    if (ts.isCallExpression(node)) {
      const other = swapped[node.expression.getText(source)]
      if (other) add('larger and smaller', node.expression, other)
    }
    if (ts.isStringLiteral(node)) {
      const other = otherState(node.text)
      if (other) add('state name', node, `'${other}'`)
    }
    if (ts.isTaggedTemplateExpression(node) && isSql(node)) template(node.template)
    node.forEachChild(visit)
  }

  function binary(node: ts.BinaryExpression): void {
    const change = turned[node.operatorToken.kind]
    if (change) add(change[0], node.operatorToken, change[1])
    if (node.operatorToken.kind !== ts.SyntaxKind.QuestionQuestionToken) return
    add('null', node, `(${node.right.getText(source)})`)
    add('null', node, `(${node.left.getText(source)})`)
  }

  function isSql({ tag }: ts.TaggedTemplateExpression): boolean {
    return /(\$executeRaw|\$queryRaw|Prisma\.sql)$/.test(tag.getText(source))
  }

  /** What it finds stands in the file itself, so text that was covered is taken from there. */
  function template(node: ts.TemplateLiteral): void {
    const [start, end] = [node.getStart(source) + 1, node.end - 1]
    let covered = text.slice(start, end)
    if (ts.isTemplateExpression(node))
      for (const { expression } of node.templateSpans) {
        const [from, to] = [expression.getFullStart() - start - 2, expression.end - start + 1]
        covered = covered.slice(0, from) + 'x'.repeat(to - from) + covered.slice(to)
      }
    for (const place of sqlPlaces(covered)) {
      const at = start + place.start
      const from = text.slice(at, at + place.from.length)
      found.push({ ...place, file, language: 'sql', start: at, from, to: uncovered(place, from) })
    }
  }
}

/** `(a)` of `coalesce(a, b)` is text of the file as well. */
const uncovered = ({ from, to }: { from: string; to: string }, text: string) =>
  from.startsWith('coalesce(')
    ? `(${text.slice('coalesce('.length, 'coalesce('.length + to.length - 2)})`
    : to

function leaves(statement: ts.Statement): boolean {
  if (ts.isBlock(statement)) {
    const last = statement.statements.at(-1)
    return last !== undefined && leaves(last)
  }
  return (
    ts.isReturnStatement(statement) ||
    ts.isThrowStatement(statement) ||
    ts.isContinueStatement(statement) ||
    ts.isBreakStatement(statement)
  )
}
