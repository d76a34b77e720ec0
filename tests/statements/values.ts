/**
 * What an expression of the source comes to without running it. What cannot be known is `opaque`:
 * it has a key, by which it is the same wherever it is asked about, and the type that the checker
 * gives it.
 */
import type ts from 'typescript'

/** A piece of a statement's text with the place it was written at, or a parameter. */
export type Chunk = { text: string; node: ts.Node } | { parameter: ts.Node }

export type Value =
  | { kind: 'sql'; chunks: Chunk[] }
  | { kind: 'literal'; value: string | number | bigint | boolean | null | undefined }
  | { kind: 'array'; items: Value[] }
  | { kind: 'object'; key: string; get(name: string): Value }
  | { kind: 'function'; node: ts.SignatureDeclaration; scope: Scope }
  | Opaque

export type Opaque = {
  kind: 'opaque'
  key: string
  /** The last name of it in the source, by which an example gives it a value. */
  name: string
  type: ts.Type
  /** Null and undefined have been told apart already. */
  present?: boolean
}

/** One call of a function: what its parameters are, and the scope around it. */
export type Scope = {
  /** The calls that led here: the same in every run. */
  id: string
  node: ts.Node
  parameters: Map<ts.Node, () => Value>
  outer: Scope | null
}

/** The source is more than this checker understands: the statement needs an example. */
export class Unresolved extends Error {
  constructor(
    readonly node: ts.Node,
    reason: string,
  ) {
    super(reason)
  }
}

export const literal = (value: (Value & { kind: 'literal' })['value']): Value => ({
  kind: 'literal',
  value,
})

export function keyOf(value: Value): string {
  switch (value.kind) {
    case 'literal':
      return typeof value.value === 'bigint'
        ? `${value.value}n`
        : String(JSON.stringify(value.value))
    case 'opaque':
      return value.key
    case 'array':
      return `[${value.items.map(keyOf).join()}]`
    case 'object':
      return value.key
    case 'function':
      return `${value.node.getSourceFile().fileName}:${value.node.pos}`
    case 'sql':
      return value.chunks.map((chunk) => ('text' in chunk ? chunk.text : '?')).join('')
  }
}
