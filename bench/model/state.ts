/**
 * The state of the model, as bytes: one holder, three keys with what the row says and what the
 * provider really has, two workers, a place for delayed calls. Amounts are units; 0 as a limit is
 * the least the product ever asks for. One byte a field while it is worked on, half a byte in store.
 */

/** What the row of a key says. `None` in a limit: nothing was said. */
export const field = {
  exists: 0,
  saved: 1,
  limit: 2,
  staff: 3,
  ended: 4,
  replaced: 5,
  withoutReset: 6,
  /** The wish is newer than what was confirmed. */
  asked: 7,
  seenLimit: 8,
  seenReset: 9,
  seenOff: 10,
  /** 0 none, 1 out, 2 without an answer for 15 s, 3 for ten minutes. */
  call: 11,
  callLimit: 12,
  callOn: 13,
  /** Sent for the wish as it is now. */
  callCurrent: 14,
  /** 0 none, 1 younger than ten minutes, 2 older. */
  doubt: 15,
  doubtLimit: 16,
  doubtOn: 17,
  /** Reported use, by window. */
  used0: 18,
  used1: 19,
  /** 0 open, otherwise the window it was closed in, plus one. */
  closed: 20,
  reads: 21,
  /** Of a closed key: its readings agree. Of one on its way out: it was read after it was lowered. */
  stable: 22,
  settled: 23,
  /** Reserved by window, plus one; 0 means there is no row. */
  held0: 24,
  held1: 25,
  heldAhead: 26,
  row0: 27,
  row1: 28,
  /** The provider's side. */
  off: 29,
  cap: 30,
  resets: 31,
  spent0: 32,
  spent1: 33,
  /** The doubt was over when the call was sent. */
  callAfterDoubt: 34,
} as const
export type Field = keyof typeof field
const keyBytes = 35

export const none = 3
const maxKeys = 3
export const workers = 2
const delayedSlots = 2

/** The rest: the holder, the budget of acts, workers, delayed calls. */
/** The last two: a spare whose key is being made, or waits for a claim. */
export const holderState = { pending: 0, ready: 1, ended: 2, making: 3, spare: 4 } as const
export const waits = (state: State) =>
  [holderState.pending, holderState.making].includes(get(state, at.state) as 0 | 3)
export const at = {
  state: 0,
  generation: 1,
  cap: 2,
  capHigh: 3,
  window: 4,
  owner: 5,
  staff: 6,
  crashes: 7,
  /** Spent and not counted when staff lowered a limit: an overrun that is booked later. */
  over: 8,
} as const
const workerBase = 9
const workerBytes = 8
/** kind: 0 idle, 1 has an answer to a call, 2 makes a key. outcome: 0 ok, 1 refused, 2 none. */
export const workerField = {
  kind: 0,
  key: 1,
  outcome: 2,
  off: 3,
  limit: 4,
  reset: 5,
  raises: 6,
  valid: 7,
} as const
const delayedBase = workerBase + workers * workerBytes
const delayedBytes = 5
/** key plus one; off: 0 unsaid, 1 off, 2 on; reset: 0 unsaid, 1 none, 2 daily. */
export const delayedField = { key: 0, off: 1, limit: 2, reset: 3, old: 4 } as const
const keyBase = delayedBase + delayedSlots * delayedBytes
export const stateBytes = keyBase + maxKeys * keyBytes
export const packedBytes = Math.ceil(stateBytes / 2)

export type State = Uint8Array

export const keyAt = (key: number, name: Field) => keyBase + key * keyBytes + field[name]
export const workerAt = (worker: number, name: keyof typeof workerField) =>
  workerBase + worker * workerBytes + workerField[name]
export const delayedAt = (slot: number, name: keyof typeof delayedField) =>
  delayedBase + slot * delayedBytes + delayedField[name]

export const get = (state: State, index: number): number => state[index] ?? 0
export const of = (state: State, key: number, name: Field): number => get(state, keyAt(key, name))
export function set(state: State, key: number, values: Partial<Record<Field, number>>): void {
  for (const name in values) state[keyAt(key, name as Field)] = values[name as Field] ?? 0
}

export const keysOf = (state: State): number[] =>
  Array.from({ length: maxKeys }, (_, key) => key).filter((key) => of(state, key, 'exists') === 1)

/** The bytes of one key's row, as a text to look decisions up by. */
export const rowText = (state: State, key: number): string =>
  String.fromCharCode(...state.subarray(keyAt(key, 'exists'), keyAt(key, 'row1') + 1))

export const isOverRow = (state: State, key: number) =>
  of(state, key, 'ended') === 1 || of(state, key, 'replaced') === 1

export const spent = (state: State, key: number) =>
  of(state, key, 'spent0') + of(state, key, 'spent1')

/** What the provider lets the key spend now. */
export function spendable(state: State, key: number): number {
  if (of(state, key, 'saved') === 0 || of(state, key, 'off') === 1) return 0
  const counted =
    of(state, key, 'resets') === 0
      ? spent(state, key)
      : of(state, key, get(state, at.window) === 0 ? 'spent0' : 'spent1')
  return Math.max(0, of(state, key, 'cap') - counted)
}

/** States that differ only in names of workers, or in what can matter no more, are one. */
export function canonical(state: State): State {
  for (let key = 0; key < maxKeys; key++) {
    const delayed = Array.from({ length: delayedSlots }, (_, slot) =>
      get(state, delayedAt(slot, 'key')),
    )
    // Off, closed, and no call that could change it is anywhere.
    if (
      of(state, key, 'closed') > 0 &&
      of(state, key, 'off') === 1 &&
      of(state, key, 'call') === 0 &&
      !delayed.includes(key + 1) &&
      of(state, key, 'seenOff') === 1
    )
      set(state, key, { cap: 0, resets: 0, seenLimit: 0, seenReset: 0, asked: 0, staff: 0 })
    if (of(state, key, 'settled') === 1) set(state, key, { reads: 0, stable: 1 })
    if (of(state, key, 'call') === 0)
      set(state, key, { callLimit: none, callOn: 0, callCurrent: 0, callAfterDoubt: 0 })
    if (of(state, key, 'doubt') === 0) set(state, key, { doubtLimit: none, doubtOn: 0 })
  }
  sortBlocks(state, workerBase, workerBytes, workers)
  sortBlocks(state, delayedBase, delayedBytes, delayedSlots)
  return state
}

function sortBlocks(state: State, base: number, size: number, count: number): void {
  for (let first = 0; first + 1 < count; first++) {
    const [left, right] = [base + first * size, base + (first + 1) * size]
    for (let index = 0; index < size; index++) {
      const difference = get(state, left + index) - get(state, right + index)
      if (difference > 0) break
      if (difference === 0) continue
      const copy = state.slice(left, left + size)
      state.copyWithin(left, right, right + size)
      state.set(copy, right)
      break
    }
  }
}

export function pack(state: State, into: Uint8Array, offset: number): void {
  for (let index = 0; index < stateBytes; index += 2)
    into[offset + (index >> 1)] = get(state, index) | (get(state, index + 1) << 4)
}

export function unpack(from: Uint8Array, offset: number): State {
  const state = new Uint8Array(stateBytes)
  for (let index = 0; index < stateBytes; index++) {
    const byte = get(from, offset + (index >> 1))
    state[index] = index & 1 ? byte >> 4 : byte & 15
  }
  return state
}
