/** What must hold in every state (engine.md, section 5), and what must be so when nothing is left to do. */
import { committed, heldOf, type Product } from './product'
import {
  at,
  get,
  holderState,
  isOverRow,
  keysOf,
  of,
  spendable,
  spent,
  waits,
  type State,
} from './state'

/** The first thing that is wrong with a state, or null. */
export function violation(product: Product, state: State): string | null {
  const keys = keysOf(state)
  const window = get(state, at.window) === 0 || !product.daily ? 0 : 1
  const able = keys.reduce((sum, key) => sum + spendable(state, key), 0)
  for (const key of keys) {
    if (of(state, key, 'settled') === 1 && of(state, key, 'closed') === 0)
      return `key ${key + 1} is settled and not closed`
    if (of(state, key, 'closed') > 0 && spendable(state, key) > 0)
      return `key ${key + 1} is closed and can spend ${spendable(state, key)}`
  }
  const present = get(state, at.generation) - 1
  if (
    [holderState.ready, holderState.spare].includes(get(state, at.state) as 1 | 4) &&
    isOverRow(state, present)
  )
    return 'the holder has a key that is over'
  const working = keys.filter(
    (key) => spendable(state, key) > 0 && of(state, key, 'withoutReset') === 0,
  )
  if (working.length > 1) return `${working.length} keys can spend at once`
  for (const each of product.daily ? ([0, 1] as const) : ([0] as const)) {
    if (each > window) continue
    const used = keys.reduce(
      (sum, key) =>
        sum +
        (product.daily ? of(state, key, each === 0 ? 'spent0' : 'spent1') : spent(state, key)),
      0,
    )
    const held = keys.reduce((sum, key) => sum + heldOf(state, key, each), 0)
    const most = used + (each === window ? able : 0)
    if (most > held + get(state, at.over))
      return `${most} may be spent in window ${each + 1}, and ${held} is held`
    if (most > get(state, at.capHigh))
      return `${most} may be spent in window ${each + 1} of a cap of ${get(state, at.capHigh)}`
  }
  if (committed(state) > 3 + get(state, at.over))
    return `${committed(state)} is committed of a pool of 3`
  return null
}

/** What is wrong with a state in which nothing is asked, out, in doubt or unread any more. */
export function unrest(product: Product, state: State): string | null {
  for (const key of keysOf(state)) {
    if (of(state, key, 'saved') === 0) continue
    const off = isOverRow(state, key) || of(state, key, 'staff') === 1
    if (off && of(state, key, 'off') === 0) return `key ${key + 1} should be off, and is on`
    if (isOverRow(state, key) && of(state, key, 'settled') === 0)
      return `key ${key + 1} is over and not settled`
    if (isOverRow(state, key)) continue
    if (!off && of(state, key, 'off') === 1 && of(state, key, 'asked') === 1)
      return `key ${key + 1} should be on, and is off`
    if (of(state, key, 'cap') > of(state, key, 'limit'))
      return `key ${key + 1} has a limit of ${of(state, key, 'cap')} where ${of(state, key, 'limit')} is wanted`
  }
  if (waits(state)) return 'the holder still waits for a key'
  const present = get(state, at.generation) - 1
  const used = keysOf(state).reduce((sum, key) => sum + spent(state, key), 0)
  if (get(state, at.state) === holderState.ended && committed(state) !== used)
    return `${committed(state)} is committed after all has ended, and ${used} was spent`
  const holds =
    get(state, at.state) === holderState.ready || get(state, at.state) === holderState.spare
  if (!product.daily && holds && present >= 0) {
    const most = Math.max(used, get(state, at.cap))
    if (committed(state) > most)
      return `${committed(state)} is committed where ${most} may be spent`
  }
  return null
}
