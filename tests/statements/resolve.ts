/** The texts that a statement can have: one for each combination of its branches. */
import ts from 'typescript'
import { everyCombination, type Choose } from './choices'
import { evaluate } from './evaluate'
import { findStatements, type Statement } from './find'
import { templateSql, textOf } from './fragments'
import type { Source } from './program'
import { standing, type Run } from './run'
import { Unresolved, type Chunk } from './values'

/**
 * What stands for names that are known only when a statement runs, by the name of the statement;
 * several, where the statement is used for several things.
 */
export type Examples = Record<string, Record<string, string>[]>

export type Variant = { text: string; chunks: Chunk[] }
export type Resolved = { statement: Statement; variants: Variant[]; capped: boolean }
export type Resolution = {
  resolved: Resolved[]
  /** Sentences with their places about what could not be followed. */
  faults: string[]
}

/** `isMeant` says by their paths which files are looked at. */
export function resolveStatements(
  source: Source,
  examples: Examples,
  isMeant: (file: string) => boolean = () => true,
): Resolution {
  const { statements, fragments } = findStatements(source, isMeant)
  const visited = new Set<ts.Node>()
  const faults: string[] = []
  const resolved: Resolved[] = []
  for (const statement of statements) {
    const given = examples[statement.name]
    const asked = new Set<string>()
    try {
      resolved.push(resolve(source, statement, given ?? [{}], { visited, asked }))
      if (given && asked.size === 0)
        faults.push(
          `${at(source, statement.node)}: ${stale(statement.name)}: the statement needs none`,
        )
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error
      faults.push(
        `${at(source, error.node)}: ${error.message}. Register an example for ` +
          `"${statement.name}" (${at(source, statement.node)}) in tests/statements/examples.ts`,
      )
    }
  }
  const names = new Set(statements.map(({ name }) => name))
  for (const name of Object.keys(examples))
    if (!names.has(name)) faults.push(`${stale(name)}: there is no such statement`)
  for (const fragment of fragments)
    if (!visited.has(fragment))
      faults.push(`${at(source, fragment)}: this fragment is in no statement that was checked`)
  return { resolved, faults }
}

const stale = (name: string) => `the example "${name}" is stale`

export function at(source: Source, node: ts.Node): string {
  const { file, line } = source.placeOf(node)
  return `${file}:${line}`
}

function resolve(
  source: Source,
  statement: Statement,
  given: Record<string, string>[],
  seen: { visited: Set<ts.Node>; asked: Set<string> },
): Resolved {
  const { results, capped } = everyCombination((choose) => {
    const example = given[given.length > 1 ? choose('the example', given.length) : 0] ?? {}
    return chunksOf(statement, runOf(source, choose, example, seen))
  })
  const variants = new Map<string, Variant>()
  for (const chunks of results) {
    const text = textOfChunks(chunks)
    if (!variants.has(text)) variants.set(text, { text, chunks })
  }
  if (variants.size === 0)
    throw new Unresolved(statement.node, 'no way through the code leads to a text')
  return { statement, variants: [...variants.values()], capped }
}

function chunksOf({ text, node, isPlainText }: Statement, run: Run): Chunk[] {
  if (!text) throw new Unresolved(node, 'the method is taken away from its client')
  const scope = standing(text)
  if (isPlainText) return [{ text: textOf(run, text, scope), node: text }]
  if (ts.isTemplateLiteral(text) && ts.isTaggedTemplateExpression(text.parent))
    return templateSql(run, text, scope).chunks
  const value = run.evaluate(text, scope)
  if (value.kind !== 'sql')
    throw new Unresolved(text, `what ${text.getText()} stands for cannot be followed`)
  return value.chunks
}

function runOf(
  source: Source,
  choose: Choose,
  example: Record<string, string>,
  seen: { visited: Set<ts.Node>; asked: Set<string> },
): Run {
  const run: Run = {
    source,
    choose,
    example,
    ...seen,
    decided: new Map(),
    calledFrom: new Map(),
    evaluate: (node, scope) => evaluate(run, node, scope),
  }
  return run
}

function textOfChunks(chunks: Chunk[]): string {
  let parameters = 0
  return chunks.map((chunk) => ('text' in chunk ? chunk.text : `$${++parameters}`)).join('')
}

/** Where a position of the text, counted from zero, was written. */
export function placeIn(source: Source, { chunks }: Variant, position: number): string | null {
  let start = 0
  let parameters = 0
  for (const chunk of chunks) {
    const length = 'text' in chunk ? chunk.text.length : `$${++parameters}`.length
    if (position < start + length) {
      const node = 'text' in chunk ? chunk.node : chunk.parameter
      const { file, line } = source.placeOf(node)
      const before = 'text' in chunk ? chunk.text.slice(0, position - start) : ''
      return `${file}:${line + before.split('\n').length - 1}`
    }
    start += length
  }
  return null
}
