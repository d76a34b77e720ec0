/** Fragments of SQL: what `Prisma.sql`, `join`, `raw` and `empty` come to. */
import ts from 'typescript'
import { Infeasible } from './choices'
import { typeAt, type Run } from './run'
import { Unresolved, type Chunk, type Scope, type Value } from './values'

type Sql = Value & { kind: 'sql' }

/** A template with its values: fragments are put in, everything else is a parameter. */
export function templateSql(run: Run, template: ts.TemplateLiteral, scope: Scope): Sql {
  run.visited.add(template)
  if (ts.isNoSubstitutionTemplateLiteral(template)) return text(template.text, template)
  const chunks: Chunk[] = [{ text: template.head.text, node: template.head }]
  for (const span of template.templateSpans) {
    chunks.push(...interpolated(run, span.expression, scope))
    chunks.push({ text: span.literal.text, node: span.literal })
  }
  return { kind: 'sql', chunks }
}

function interpolated(run: Run, node: ts.Expression, scope: Scope): Chunk[] {
  const type = typeAt(run, node)
  if (!run.source.isSql(type) && !(type.flags & ts.TypeFlags.Any)) return [{ parameter: node }]
  const value = run.evaluate(node, scope)
  if (value.kind === 'sql') return value.chunks
  if (value.kind === 'opaque')
    throw new Unresolved(node, `what ${node.getText()} stands for cannot be followed`)
  return [{ parameter: node }]
}

const text = (written: string, node: ts.Node): Sql => ({
  kind: 'sql',
  chunks: [{ text: written, node }],
})

/** `Prisma.join(values, separator, prefix, suffix)`. */
export function joinSql(run: Run, call: ts.CallExpression, scope: Scope): Sql {
  const [list, ...rest] = call.arguments
  const [separator = ',', prefix = '', suffix = ''] = rest.map((node) => textOf(run, node, scope))
  if (!list) throw new Unresolved(call, 'a join of nothing')
  const items = itemsOf(run, run.evaluate(list, scope), list)
  // Prisma throws for an empty list.
  if (items.length === 0) throw new Infeasible()
  const chunks: Chunk[] = [{ text: prefix, node: call }]
  for (const [index, item] of items.entries()) {
    if (index > 0) chunks.push({ text: separator, node: call })
    chunks.push(...(item.kind === 'sql' ? item.chunks : [{ parameter: list }]))
  }
  chunks.push({ text: suffix, node: call })
  return { kind: 'sql', chunks }
}

/** An unknown list stands with two items: that shows what separates them. */
export function itemsOf(run: Run, value: Value, node: ts.Expression): Value[] {
  if (value.kind === 'array') return value.items
  const { checker } = run.source
  const item =
    value.kind === 'opaque' ? checker.getIndexTypeOfType(value.type, ts.IndexKind.Number) : null
  if (value.kind !== 'opaque' || !item || run.source.holdsSql(item))
    throw new Unresolved(node, `the list ${node.getText()} cannot be followed`)
  return [0, 1].map((index) => ({
    kind: 'opaque',
    key: `${value.key}[${index}]`,
    name: value.name,
    type: item,
  }))
}

export function rawSql(run: Run, call: ts.CallExpression, scope: Scope): Sql {
  run.visited.add(call)
  const [node] = call.arguments
  if (!node) throw new Unresolved(call, 'raw text of nothing')
  return text(textOf(run, node, scope), node)
}

/** A text that has to be known: literals, templates of them, and what an example says. */
export function textOf(run: Run, node: ts.Expression, scope: Scope): string {
  if (ts.isTemplateExpression(node))
    return node.templateSpans.reduce(
      (sum, span) => sum + textOf(run, span.expression, scope) + span.literal.text,
      node.head.text,
    )
  const value = run.evaluate(node, scope)
  if (value.kind === 'literal') return String(value.value)
  if (value.kind === 'opaque') {
    run.asked.add(value.name)
    const given = run.example[value.name]
    if (given !== undefined) return given
  }
  throw new Unresolved(node, `the text of ${node.getText()} is known only when it runs`)
}
