/**
 * What the machinery may do: workers that ask the provider, answers that come, get lost or come
 * late, processes that end between two steps, keys that are made, read, closed and settled.
 */
import type { KeyChange } from '~/domain/keys/decide-apply'
import { readAfter, unitsOf, type Product } from './product'
import { isStable } from './rules'
import {
  at,
  get,
  holderState,
  isOverRow,
  keyAt,
  keysOf,
  delayedAt,
  none,
  of,
  set,
  spent,
  waits,
  workerAt,
  workers,
  type State,
} from './state'

export type Emit = (name: string, next: State) => void
export type Bounds = {
  owner: number
  staff: number
  crashes: number
  keys: number
  delayed: number
  workers: number
}

const copy = (state: State) => state.slice()

export function engineSteps(product: Product, bounds: Bounds, state: State, emit: Emit): void {
  for (let worker = 0; worker < bounds.workers; worker++) {
    const kind = get(state, workerAt(worker, 'kind'))
    if (kind === 0) continue
    if (kind === 1) record(product, state, worker, emit)
    else save(product, state, worker, emit)
    if (get(state, at.crashes) < bounds.crashes) {
      const next = copy(state)
      next[at.crashes] = get(state, at.crashes) + 1
      free(next, worker)
      emit('a worker ends before it records', next)
    }
  }
  const idle = Array.from({ length: bounds.workers }, (_, worker) => worker).find(
    (worker) => get(state, workerAt(worker, 'kind')) === 0,
  )
  for (const key of keysOf(state)) {
    if (of(state, key, 'saved') === 0) continue
    ask(product, bounds, state, key, idle, emit)
    read(product, state, key, emit)
  }
  if (idle !== undefined) takeMint(product, state, idle, emit)
}

/** The next call of a key, with everything that can become of it; or its closing. */
function ask(
  product: Product,
  bounds: Bounds,
  state: State,
  key: number,
  worker: number | undefined,
  emit: Emit,
): void {
  const decision = product.apply(state, key)
  if (decision.kind === 'close') {
    if (of(state, key, 'closed') > 0) return
    const next = copy(state)
    set(next, key, { closed: get(state, at.window) + 1, reads: 0, asked: 0, stable: 0 })
    product.book(next, { reserve: false })
    emit(`key ${key + 1} is closed`, next)
    return
  }
  if (decision.kind === 'nothing' && of(state, key, 'asked') === 1 && !isOverRow(state, key)) {
    if (of(state, key, 'call') > 0) return
    const next = copy(state)
    set(next, key, { asked: 0 })
    emit(`key ${key + 1}: what is asked is seen already, recorded`, next)
  }
  if (decision.kind !== 'change' || worker === undefined) return
  const { change } = decision
  const leased = copy(state)
  if (of(state, key, 'call') > 0) {
    if (product.rules.broken !== 'dead-call') leaveDoubt(leased, key)
    for (let other = 0; other < workers; other++)
      if (get(state, workerAt(other, 'kind')) === 1 && get(state, workerAt(other, 'key')) === key)
        leased[workerAt(other, 'valid')] = 0
  }
  set(leased, key, {
    call: 1,
    callLimit: change.limit === undefined ? none : unitsOf(change.limit),
    callOn: change.disabled === false ? 1 : 0,
    callCurrent: decision.partial ? 0 : 1,
    callAfterDoubt: of(leased, key, 'doubt') === 2 ? 1 : 0,
  })
  const described = `key ${key + 1}: ${textOf(change)}`
  const send = (fate: string, outcome: 0 | 1 | 2, happens: boolean) => {
    const next = copy(leased)
    if (happens) carryOut(next, key, change)
    answer(next, worker, key, outcome, decision.raises)
    emit(`${described}, ${fate}`, next)
  }
  send('answered', 0, true)
  send('done, no answer', 2, true)
  send('not done, no answer', 2, false)
  if (decision.raises) send('refused', 1, false)
  const slot = Array.from({ length: bounds.delayed }, (_, index) => index).find(
    (index) => get(state, delayedAt(index, 'key')) === 0,
  )
  if (slot !== undefined) {
    const next = copy(leased)
    next[delayedAt(slot, 'key')] = key + 1
    next[delayedAt(slot, 'off')] = change.disabled === undefined ? 0 : change.disabled ? 1 : 2
    next[delayedAt(slot, 'limit')] = change.limit === undefined ? none : unitsOf(change.limit)
    next[delayedAt(slot, 'reset')] = change.reset === undefined ? 0 : change.reset === null ? 1 : 2
    answer(next, worker, key, 2, decision.raises)
    emit(`${described}, delayed`, next)
  }
}

const textOf = (change: KeyChange) =>
  [
    ...(change.disabled === undefined ? [] : [change.disabled ? 'off' : 'on']),
    ...(change.limit === undefined ? [] : [`limit ${unitsOf(change.limit)}`]),
    ...(change.reset === undefined ? [] : [`reset ${change.reset ?? 'none'}`]),
  ].join(', ')

function carryOut(state: State, key: number, change: KeyChange): void {
  if (change.disabled !== undefined) set(state, key, { off: change.disabled ? 1 : 0 })
  if (change.limit !== undefined) {
    const limit = unitsOf(change.limit)
    const unread = spent(state, key) - of(state, key, 'used0') - of(state, key, 'used1')
    if (unread > 0 && !isOverRow(state, key) && of(state, key, 'withoutReset') === 0)
      state[at.over] = Math.max(get(state, at.over), spent(state, key) - limit, 0)
    set(state, key, { cap: limit })
  }
  if (change.reset !== undefined) set(state, key, { resets: change.reset === null ? 0 : 1 })
}

/** The worker holds the answer; it is recorded as a step of its own. */
function answer(state: State, worker: number, key: number, outcome: number, raises: boolean): void {
  const values = {
    kind: 1,
    key,
    outcome,
    off: outcome === 0 ? of(state, key, 'off') : 0,
    limit: outcome === 0 ? of(state, key, 'cap') : 0,
    reset: outcome === 0 ? of(state, key, 'resets') : 0,
    raises: raises && outcome === 1 ? 1 : 0,
    valid: 1,
  }
  for (const name in values)
    state[workerAt(worker, name as keyof typeof values)] = values[name as keyof typeof values]
}

function leaveDoubt(state: State, key: number): void {
  const limit = of(state, key, 'callLimit')
  const on = of(state, key, 'callOn')
  if (limit === none && on === 0) return
  const before = of(state, key, 'doubtLimit')
  const held = of(state, key, 'doubt')
  set(state, key, {
    doubt: of(state, key, 'call') === 3 && held !== 1 ? 2 : 1,
    doubtLimit:
      held === 0 || before === none ? limit : limit === none ? before : Math.max(before, limit),
    doubtOn: (held > 0 ? of(state, key, 'doubtOn') : 0) | on,
  })
}

/** The twin of recordSeen and recordFailure. */
function record(product: Product, state: State, worker: number, emit: Emit): void {
  const mine = (name: 'key' | 'outcome' | 'off' | 'limit' | 'reset' | 'raises' | 'valid') =>
    get(state, workerAt(worker, name))
  const key = mine('key')
  const next = copy(state)
  free(next, worker)
  if (mine('valid') === 0 && product.rules.broken !== 'fence') {
    emit(`the answer about key ${key + 1} is late and counts for nothing`, next)
    return
  }
  const current = of(state, key, 'callCurrent') === 1
  if (mine('outcome') === 0) {
    set(next, key, { seenOff: mine('off'), seenLimit: mine('limit'), seenReset: mine('reset') })
    if (current) set(next, key, { asked: 0 })
    if (of(state, key, 'closed') === 0) set(next, key, { stable: 0 })
    if (of(state, key, 'callAfterDoubt') === 1 || product.rules.broken === 'doubt-order')
      if (of(state, key, 'doubt') === 2) set(next, key, { doubt: 0 })
  } else if (mine('outcome') === 2) {
    if (product.rules.broken !== 'doubt') leaveDoubt(next, key)
  } else if (mine('raises') === 1 && current) takeBack(next, key)
  set(next, key, { call: 0 })
  product.book(next, { reserve: false })
  emit(`key ${key + 1}: recorded`, next)
}

/** A raise that is refused for certain: the wish comes down to what is seen. */
function takeBack(state: State, key: number): void {
  const [limit, seen] = [of(state, key, 'limit'), of(state, key, 'seenLimit')]
  if (seen < limit) state[at.cap] = Math.max(0, get(state, at.cap) - (limit - seen))
  const off = of(state, key, 'ended') + of(state, key, 'replaced') + of(state, key, 'staff') > 0
  set(state, key, {
    limit: Math.min(limit, seen),
    asked: 0,
    ...(of(state, key, 'seenOff') === 1 && !off ? { staff: 1 } : {}),
  })
}

function free(state: State, worker: number): void {
  state.fill(0, workerAt(worker, 'kind'), workerAt(worker, 'valid') + 1)
}

function takeMint(product: Product, state: State, worker: number, emit: Emit): void {
  if (!waits(state) || !product.mayMint(state)) return
  const key = get(state, at.generation) - 1
  const next = copy(state)
  for (let other = 0; other < workers; other++)
    if (get(state, workerAt(other, 'kind')) === 2) next[workerAt(other, 'valid')] = 0
  next[workerAt(worker, 'kind')] = 2
  next[workerAt(worker, 'key')] = key
  next[workerAt(worker, 'limit')] = of(state, key, 'limit')
  next[workerAt(worker, 'valid')] = 1
  emit(`a worker makes key ${key + 1} with ${of(state, key, 'limit')}`, next)
}

/** The twin of `save`: only while the holder waits, and by the last that took the mint over. */
function save(product: Product, state: State, worker: number, emit: Emit): void {
  const key = get(state, workerAt(worker, 'key'))
  const limit = get(state, workerAt(worker, 'limit'))
  const isAwaited = waits(state) && get(state, at.generation) === key + 1
  const next = copy(state)
  const valid = get(state, workerAt(worker, 'valid')) === 1
  free(next, worker)
  if (product.rules.broken === 'save-once' ? of(state, key, 'saved') === 1 : !isAwaited || !valid) {
    emit(`key ${key + 1} is not saved, and deleted`, next)
    return
  }
  const resets = product.daily ? 1 : 0
  if (isAwaited)
    next[at.state] =
      get(state, at.state) === holderState.making ? holderState.spare : holderState.ready
  set(next, key, {
    saved: 1,
    seenLimit: limit,
    cap: limit,
    seenReset: resets,
    resets,
    asked: of(state, key, 'limit') === limit ? 0 : 1,
  })
  if (key > 0) product.book(next, { reserve: false })
  emit(`key ${key + 1} is saved`, next)
}

/** A list shows everything; a reading of a closed key by itself counts towards its settlement. */
function read(product: Product, state: State, key: number, emit: Emit): void {
  const stale =
    of(state, key, 'used0') !== of(state, key, 'spent0') ||
    of(state, key, 'used1') !== of(state, key, 'spent1')
  const differs =
    of(state, key, 'call') === 0 &&
    (of(state, key, 'seenOff') !== of(state, key, 'off') ||
      of(state, key, 'seenLimit') !== of(state, key, 'cap') ||
      of(state, key, 'seenReset') !== of(state, key, 'resets'))
  // One that is on its way out is read a minute after it was lowered.
  const leaving =
    of(state, key, 'withoutReset') === 1 &&
    of(state, key, 'closed') === 0 &&
    of(state, key, 'stable') === 0 &&
    of(state, key, 'call') === 0
  if (stale || differs || leaving) {
    const next = copy(state)
    see(next, key)
    const grown = take(next, key)
    if (leaving) set(next, key, { stable: 1 })
    else if (grown && of(state, key, 'closed') > 0) set(next, key, { stable: 0 })
    product.book(next, { reserve: false })
    emit(`key ${key + 1} is read in a list`, next)
  }
  if (of(state, key, 'closed') === 0 || of(state, key, 'settled') === 1) return
  // What was spent is counted within a minute: the first own reading may lag, later ones do not.
  for (const lags of of(state, key, 'reads') === 0 && stale ? [true, false] : [false]) {
    const next = copy(state)
    const reads = of(state, key, 'reads')
    const grown = !lags && take(next, key)
    see(next, key)
    const stable = isStable({
      grown,
      own: true,
      stable: of(state, key, 'stable') === 1,
      at: readAfter[reads] ?? 0,
      ownReads: product.rules.broken === 'two-equal-readings' ? 1 : reads,
      lastOwnAt: product.rules.broken === 'two-equal-readings' ? 0 : (readAfter[reads - 1] ?? null),
    })
    set(next, key, { reads: Math.min(reads + 1, readAfter.length), stable: stable ? 1 : 0 })
    if (product.settles(next, key)) set(next, key, { settled: 1 })
    product.book(next, { reserve: false })
    emit(`key ${key + 1} is read by itself${lags ? ', and its use is not counted yet' : ''}`, next)
  }
}

function take(state: State, key: number): boolean {
  const grown =
    of(state, key, 'used0') + of(state, key, 'used1') <
    of(state, key, 'spent0') + of(state, key, 'spent1')
  set(state, key, { used0: of(state, key, 'spent0'), used1: of(state, key, 'spent1') })
  return grown
}

function see(state: State, key: number): void {
  if (of(state, key, 'call') > 0) return
  state[keyAt(key, 'seenOff')] = of(state, key, 'off')
  state[keyAt(key, 'seenLimit')] = of(state, key, 'cap')
  state[keyAt(key, 'seenReset')] = of(state, key, 'resets')
}
