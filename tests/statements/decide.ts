/** Conditions: known ones are worked out, unknown ones are a choice. */
import ts from 'typescript'
import { Infeasible } from './choices'
import type { Run } from './run'
import { keyOf, literal, type Opaque, type Value } from './values'

const maxLiterals = 24

/**
 * Splits an unknown into what its type says it can be: null, undefined, literals, and the rest.
 */
export function settle(run: Run, value: Value): Value {
  if (value.kind !== 'opaque' || value.present) return value
  const known = run.decided.get(value.key)
  if (known) return known
  const options = optionsOf(value)
  if (options.length < 2 || options.length > maxLiterals) return value
  const chosen = options[run.choose(value.key, options.length)]
  if (!chosen) throw new Infeasible()
  run.decided.set(value.key, chosen)
  return chosen
}

function optionsOf(value: Opaque): Value[] {
  const parts = value.type.isUnion() ? value.type.types : [value.type]
  const options: Value[] = []
  if (value.type.flags & ts.TypeFlags.Boolean) return [literal(true), literal(false)]
  let rest: Value | undefined
  for (const part of parts) {
    if (part.flags & ts.TypeFlags.Null) options.push(literal(null))
    else if (part.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void))
      options.push(literal(undefined))
    else if (part.isStringLiteral() || part.isNumberLiteral()) options.push(literal(part.value))
    else if (part.flags & ts.TypeFlags.BooleanLiteral)
      options.push(literal('intrinsicName' in part && part.intrinsicName === 'true'))
    else rest = { ...value, present: true }
  }
  return rest ? [rest, ...options] : options
}

/** A choice between yes and no, the same for the same question. */
export const choice = (run: Run, key: string): boolean => run.choose(key, 2) === 0

export function isTruthy(run: Run, unknown: Value): boolean {
  const value = settle(run, unknown)
  if (value.kind === 'literal') return Boolean(value.value)
  if (value.kind !== 'opaque') return true
  const mayBeEmpty =
    ts.TypeFlags.StringLike |
    ts.TypeFlags.NumberLike |
    ts.TypeFlags.BigIntLike |
    ts.TypeFlags.Any |
    ts.TypeFlags.Unknown
  return value.present || !(value.type.flags & mayBeEmpty) || choice(run, `${value.key}?`)
}

export function isSame(run: Run, one: Value, other: Value): boolean {
  const left = other.kind === 'literal' ? settle(run, one) : one
  const right = one.kind === 'literal' ? settle(run, other) : other
  if (left.kind === 'literal' && right.kind === 'literal') return left.value === right.value
  if (keyOf(left) === keyOf(right)) return true
  for (const side of [left, right])
    if (side.kind === 'literal' && (side.value === null || side.value === undefined)) return false
  if (left.kind !== 'opaque' && right.kind !== 'opaque') return false
  return choice(run, `${keyOf(left)}===${keyOf(right)}`)
}

/** What an operator makes of two values, where it is one that branches are taken by. */
export function compare(run: Run, operator: string, left: Value, right: Value): Value | undefined {
  if (operator === '===') return literal(isSame(run, left, right))
  if (operator === '!==') return literal(!isSame(run, left, right))
  if (operator === 'in') return literal(choice(run, `${keyOf(left)} in ${keyOf(right)}`))
  if (['<', '<=', '>', '>='].includes(operator)) return literal(order(run, operator, left, right))
  return undefined
}

function order(run: Run, operator: string, left: Value, right: Value): boolean {
  const a = left.kind === 'literal' ? left.value : undefined
  const b = right.kind === 'literal' ? right.value : undefined
  if (typeof a !== 'number' || typeof b !== 'number')
    return choice(run, `${keyOf(left)} ${operator} ${keyOf(right)}`)
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}
