/** One run through a statement: one combination of its branches. */
import ts from 'typescript'
import type { Choose } from './choices'
import type { Source } from './program'
import type { Opaque, Scope, Value } from './values'

export type Run = {
  source: Source
  choose: Choose
  /** What an example says that unknown names in a text stand for. */
  example: Readonly<Record<string, string>>
  /** Names that were asked of the example. */
  asked: Set<string>
  /** The fragments that came by, so that one that never does is found. */
  visited: Set<ts.Node>
  /** What was decided about unknown values, by their keys. */
  decided: Map<string, Value>
  /** Functions whose parameters are those of one of their calls. */
  calledFrom: Map<ts.Node, Scope | null>
  evaluate(node: ts.Expression, scope: Scope): Value
}

export const typeAt = (run: Run, node: ts.Node): ts.Type =>
  run.source.checker.getTypeAtLocation(node)

export const opaque = (key: string, name: string, type: ts.Type): Opaque => ({
  kind: 'opaque',
  key,
  name,
  type,
})

/** An unknown that is the same wherever the same node is asked in the same circumstances. */
export function unknownOf(run: Run, node: ts.Expression, scope: Scope): Opaque {
  return opaque(textKey(run, node, scope), lastName(node), typeAt(run, node))
}

function lastName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) return node.name.text
  return node.getText()
}

/** The text of an expression, and what the names in it stand for. */
function textKey(run: Run, node: ts.Expression, scope: Scope): string {
  const names: string[] = []
  const look = (inner: ts.Node): void => {
    if (ts.isIdentifier(inner) && isValueName(inner))
      names.push(`${inner.text}:${identityOf(run, inner, scope)}`)
    else ts.forEachChild(inner, look)
  }
  look(node)
  return `${node.getText()}<${[...new Set(names)].join()}>`
}

const isValueName = (node: ts.Identifier) =>
  !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) &&
  !(ts.isPropertyAssignment(node.parent) && node.parent.name === node)

/** Where a name was declared, and in which call: two calls of a function do not share a local. */
function identityOf(run: Run, node: ts.Identifier, scope: Scope): string {
  const declaration = run.source.declarationOf(node)
  if (!declaration) return '?'
  for (let at: Scope | null = scope; at; at = at.outer)
    if (isInside(declaration, at.node)) return `${declaration.pos}@${at.id}`
  return `${declaration.getSourceFile().fileName}:${declaration.pos}`
}

export const isInside = (node: ts.Node, outer: ts.Node): boolean =>
  node.getSourceFile() === outer.getSourceFile() && node.pos >= outer.pos && node.end <= outer.end

/** The scope of the function that a declaration stands in, seen from another scope. */
export function scopeOf(declaration: ts.Node, scope: Scope): Scope {
  for (let at: Scope | null = scope; at; at = at.outer)
    if (isInside(declaration, at.node)) return at
  return standing(declaration)
}

/** The place of a node as it stands in the source, called by nobody in particular. */
export function standing(node: ts.Node): Scope {
  const functionNode = ts.findAncestor(node.parent, ts.isFunctionLike)
  const around = functionNode ?? node.getSourceFile()
  return {
    id: `${around.getSourceFile().fileName}:${around.pos}`,
    node: around,
    parameters: new Map(),
    outer: functionNode ? standing(functionNode) : null,
  }
}
