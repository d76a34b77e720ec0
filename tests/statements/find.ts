/** Every raw statement of the product, by a name that stays when lines move. */
import path from 'node:path'
import ts from 'typescript'
import { nameOfFunction, walk, type Source } from './program'

export type Statement = {
  /** "app/domain/vault/rotate.server.ts passOver", with "#2" for the second of a function. */
  name: string
  node: ts.Node
  /** The template, or the expression that makes the text. Null where it is neither. */
  text: ts.TemplateLiteral | ts.Expression | null
  /** Whether the text is a string, with $1 for its parameters. */
  isPlainText: boolean
  /** What the code takes a row for, where it reads rows. */
  row: ts.TypeNode | null
}

export type Found = { statements: Statement[]; fragments: ts.Node[] }

const rawMethods = new Set(['$queryRaw', '$executeRaw', '$queryRawUnsafe', '$executeRawUnsafe'])

export function findStatements(source: Source, isMeant: (file: string) => boolean): Found {
  const statements: Statement[] = []
  const fragments: ts.Node[] = []
  for (const file of source.files) {
    if (!isMeant(source.placeOf(file).file)) continue
    const counts = new Map<string, number>()
    walk(file, (node) => {
      if (isFragment(node))
        fragments.push(ts.isTaggedTemplateExpression(node) ? node.template : node)
      const found = statementAt(source, node)
      if (!found) return
      const base = `${source.placeOf(node).file} ${placeName(node)}`
      const count = (counts.get(base) ?? 0) + 1
      counts.set(base, count)
      statements.push({ ...found, name: count === 1 ? base : `${base}#${count}` })
    })
  }
  return { statements, fragments }
}

function isFragment(node: ts.Node): boolean {
  const called = ts.isTaggedTemplateExpression(node)
    ? node.tag
    : ts.isCallExpression(node)
      ? node.expression
      : undefined
  return (
    called !== undefined &&
    ts.isPropertyAccessExpression(called) &&
    called.expression.getText() === 'Prisma' &&
    (called.name.text === 'sql' || called.name.text === 'raw')
  )
}

function statementAt(source: Source, node: ts.Node): Omit<Statement, 'name'> | undefined {
  if (!ts.isPropertyAccessExpression(node)) return undefined
  const method = node.name.text
  if (rawMethods.has(method)) {
    const { parent } = node
    const isPlainText = method.endsWith('Unsafe')
    const isTag = ts.isTaggedTemplateExpression(parent) && parent.tag === node
    const isCall = ts.isCallExpression(parent) && parent.expression === node
    const [row = null] = isTag || isCall ? (parent.typeArguments ?? []) : []
    const text = isTag ? parent.template : isCall ? (parent.arguments[0] ?? null) : null
    return { node: node.name, text, isPlainText, row: method.startsWith('$query') ? row : null }
  }
  if (method !== 'query' || !ts.isCallExpression(node.parent) || !isOfPg(source, node))
    return undefined
  return { node: node.name, text: node.parent.arguments[0] ?? null, isPlainText: true, row: null }
}

/** A client or a pool of node-postgres. */
function isOfPg(source: Source, node: ts.PropertyAccessExpression): boolean {
  const file = source.declarationOf(node.name)?.getSourceFile().fileName ?? ''
  return file.includes(path.join('@types', 'pg') + path.sep)
}

/** The named functions around a node, outermost first. */
function placeName(node: ts.Node): string {
  const names: string[] = []
  for (let at = node.parent; at; at = at.parent) {
    const name = ts.isFunctionLike(at) || isMethodOfObject(at) ? nameIn(at) : undefined
    if (name !== undefined) names.unshift(name)
  }
  return names.length > 0 ? names.join('.') : 'the file itself'
}

const isMethodOfObject = (node: ts.Node) =>
  ts.isPropertyAssignment(node) && ts.isFunctionLike(node.initializer)

const nameIn = (node: ts.Node): string | undefined =>
  ts.isPropertyAssignment(node) ? node.name.getText() : nameOfFunction(node)
