/** What people ask for, what the provider does by itself, and how time passes. */
import type { Bounds, Emit } from './engine'
import type { Product } from './product'
import {
  at,
  get,
  holderState,
  isOverRow,
  keysOf,
  delayedAt,
  none,
  of,
  set,
  spendable,
  stateBytes,
  type State,
} from './state'

const copy = (state: State) => state.slice()

/** A claim that has been accepted and waits for its first key, or a spare that nobody has claimed. */
export function firstState(
  product: Product,
  cap: number,
  kind: 'pending' | 'making',
): State | null {
  const state = new Uint8Array(stateBytes)
  state[at.state] = holderState[kind]
  state[at.cap] = cap
  state[at.capHigh] = cap
  state[at.generation] = 1
  addKey(state, 0, cap)
  return product.book(state, { reserve: true }) ? state : null
}

function addKey(state: State, key: number, limit: number): void {
  set(state, key, { exists: 1, limit, asked: 1, callLimit: none, doubtLimit: none })
}

/** Wants these keys off for good. */
function off(state: State, keys: number[], cause: 'ended' | 'replaced'): void {
  for (const key of keys)
    if (of(state, key, cause) === 0) set(state, key, { [cause]: 1, asked: 1, callCurrent: 0 })
}

export function acts(product: Product, bounds: Bounds, state: State, emit: Emit): void {
  const by = (actor: 'owner' | 'staff', name: string, change: (next: State) => boolean) => {
    if (get(state, at[actor]) >= bounds[actor]) return
    const next = copy(state)
    next[at[actor]] = get(state, at[actor]) + 1
    if (change(next)) emit(`${actor}: ${name}`, next)
  }
  const holder = get(state, at.state)
  const present = get(state, at.generation) - 1
  if (holder === holderState.making || holder === holderState.spare)
    return spareActs(product, state, emit)
  const live = holder === holderState.ready && !isOverRow(state, present)
  if (holder !== holderState.ended) {
    const end = (next: State) => {
      off(next, keysOf(next), 'ended')
      next[at.state] = holderState.ended
      return product.book(next, { reserve: false })
    }
    by('owner', 'gives the key back', end)
    by('staff', 'revoke the key', end)
  }
  if (holder === holderState.ended)
    by('owner', 'claims again', (next) => nextKey(product, bounds, next))
  if (!live) return
  const staffOff = of(state, present, 'staff') === 1
  // By what was read; a cap that starts afresh is never used up for good.
  const read = keysOf(state).reduce((sum, key) => sum + of(state, key, 'row0'), 0)
  const left = product.daily || read < get(state, at.cap)
  if (!staffOff && left)
    by('owner', 'replaces the key', (next) => {
      off(next, keysOf(next), 'replaced')
      return nextKey(product, bounds, next)
    })
  by('staff', staffOff ? 'enable the key' : 'disable the key', (next) => {
    set(next, present, { staff: staffOff ? 0 : 1, asked: 1, callCurrent: 0 })
    return product.book(next, { reserve: false })
  })
  for (const cap of [1, 2])
    if (cap !== get(state, at.cap))
      by('staff', `set the limit to ${cap}`, (next) => {
        next[at.cap] = cap
        next[at.capHigh] = Math.max(cap, get(state, at.capHigh))
        return product.book(next, {
          reserve: cap > get(state, at.cap) && product.rules.broken !== 'reserve-first',
        })
      })
  if (!staffOff && left)
    by('staff', 'extend the key', (next) => {
      off(next, keysOf(next).slice(0, -1), 'replaced')
      // The grace amount is a tenth of what is left, less than a unit: here it is nothing.
      const used = of(next, present, 'used0') + of(next, present, 'used1')
      set(next, present, { limit: Math.min(used, 2), withoutReset: 1, asked: 1, callCurrent: 0 })
      return nextKey(product, bounds, next)
    })
}

/** The twins of takeSpare and closeSpare. Both happen once, so nothing bounds them. */
function spareActs(product: Product, state: State, emit: Emit): void {
  const isAtRest =
    of(state, 0, 'asked') === 0 &&
    of(state, 0, 'call') === 0 &&
    of(state, 0, 'doubt') === 0 &&
    of(state, 0, 'seenOff') === 0 &&
    of(state, 0, 'seenLimit') === of(state, 0, 'limit') &&
    of(state, 0, 'used0') + of(state, 0, 'used1') === 0
  if (get(state, at.state) === holderState.spare && isAtRest) emitTaken(product, state, emit)
  const next = copy(state)
  off(next, [0], 'ended')
  next[at.state] = holderState.ended
  product.book(next, { reserve: false })
  emit('the spare is not needed', next)
  // Two at once, and the second did not see the first.
  if (product.rules.broken === 'spare-at-rest' && of(state, 0, 'saved') === 1)
    emitTaken(product, next, emit)
}

function emitTaken(product: Product, state: State, emit: Emit): void {
  const next = copy(state)
  next[at.state] = holderState.ready
  if (product.rules.broken === 'spare-money')
    set(next, 0, { held0: 0, held1: 0, heldAhead: 0, row0: 0, row1: 0 })
  else product.book(next, { reserve: false })
  emit('owner: claims, and takes the spare', next)
}

/** The next generation waits for its key; its limit is what former keys leave. */
function nextKey(product: Product, bounds: Bounds, state: State): boolean {
  const generation = get(state, at.generation)
  if (generation >= bounds.keys) return false
  state[at.state] = holderState.pending
  state[at.generation] = generation + 1
  addKey(state, generation, get(state, at.cap))
  return product.book(state, { reserve: product.rules.broken !== 'reserve-first' })
}

/** Spending, calls that land late, time. */
export function world(product: Product, state: State, emit: Emit): void {
  const window = get(state, at.window)
  for (const key of keysOf(state)) {
    if (spendable(state, key) > 0) {
      const name = window === 0 ? 'spent0' : 'spent1'
      const next = copy(state)
      set(next, key, { [name]: of(state, key, name) + 1 })
      emit(`key ${key + 1} spends a unit`, next)
    }
    const call = of(state, key, 'call')
    if (call === 1) {
      const next = copy(state)
      set(next, key, { call: 2 })
      emit(`key ${key + 1}: 15 seconds without an answer`, next)
    }
    if (call !== 1 && (call === 2 || of(state, key, 'doubt') === 1)) {
      const next = copy(state)
      set(next, key, {
        ...(call === 2 ? { call: 3 } : {}),
        ...(of(state, key, 'doubt') === 1 ? { doubt: 2 } : {}),
      })
      forDelayed(next, key, (slot) => (next[delayedAt(slot, 'old')] = 1))
      emit(`key ${key + 1}: ten minutes pass`, next)
    }
    land(state, key, emit)
  }
  if (product.daily && window === 0) {
    const next = copy(state)
    next[at.window] = 1
    emit('midnight', next)
  }
  const booked = copy(state)
  if (product.daily && product.book(booked, { reserve: false }) && !equal(booked, state))
    emit('a time has come: the books follow', booked)
}

const equal = (left: State, right: State) => left.every((byte, index) => byte === right[index])

function forDelayed(state: State, key: number, run: (slot: number) => void): void {
  for (let slot = 0; slot < 2; slot++) if (get(state, delayedAt(slot, 'key')) === key + 1) run(slot)
}

/**
 * A delayed call takes effect: within ten minutes whatever the key is, later only at a key that is
 * closed, where one call alone must revive nothing. What lands later elsewhere is outside of what
 * the ten-minute rule promises.
 */
function land(state: State, key: number, emit: Emit): void {
  forDelayed(state, key, (slot) => {
    const delayed = (name: 'off' | 'limit' | 'reset' | 'old') => get(state, delayedAt(slot, name))
    const lost = copy(state)
    lost.fill(0, delayedAt(slot, 'key'), delayedAt(slot, 'old') + 1)
    if (delayed('old') === 1 && of(state, key, 'closed') === 0) {
      emit(`the delayed call about key ${key + 1} never lands`, lost)
      return
    }
    const next = lost.slice()
    if (delayed('off') > 0) set(next, key, { off: delayed('off') === 1 ? 1 : 0 })
    if (delayed('limit') !== none) set(next, key, { cap: delayed('limit') })
    if (delayed('reset') > 0) set(next, key, { resets: delayed('reset') === 1 ? 0 : 1 })
    emit(`the delayed call about key ${key + 1} lands`, next)
  })
}
