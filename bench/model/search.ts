/**
 * Breadth first through every state within the bounds. States are kept packed, with their parent,
 * so that a violation comes with the shortest trace.
 */
import { acts, firstState, world } from './acts'
import { engineSteps, type Bounds } from './engine'
import { unrest, violation } from './invariants'
import { Product } from './product'
import type { Rules } from './rules'
import { canonical, get, packedBytes, pack, unpack, type State } from './state'

export type Found = {
  states: number
  depth: number
  transitions: number
  /** Every state within the bounds was seen. */
  whole: boolean
  seconds: number
  violation: { what: string; trace: string[] } | null
  /** States from which the machinery was run to rest. */
  rested: number
}

const chunkStates = 1 << 18

/** All states, packed, and a table from their bytes to their number. */
class Seen {
  private readonly chunks: Uint8Array[] = []
  private parents = new Uint32Array(1 << 16)
  private table = new Uint32Array(1 << 17)
  private readonly scratch = new Uint8Array(packedBytes)
  count = 0

  /** The number of a state that is new, or -1. */
  add(state: State, parent: number): number {
    pack(state, this.scratch, 0)
    if (this.count * 2 > this.table.length) this.grow()
    let slot = hash(this.scratch, 0) & (this.table.length - 1)
    for (;;) {
      const found = get(this.table as unknown as Uint8Array, slot)
      if (found === 0) break
      if (this.equals(found - 1)) return -1
      slot = (slot + 1) & (this.table.length - 1)
    }
    const number = this.count++
    this.table[slot] = number + 1
    const chunk = (this.chunks[Math.floor(number / chunkStates)] ??= new Uint8Array(
      chunkStates * packedBytes,
    ))
    chunk.set(this.scratch, (number % chunkStates) * packedBytes)
    if (number >= this.parents.length) {
      const larger = new Uint32Array(this.parents.length * 2)
      larger.set(this.parents)
      this.parents = larger
    }
    this.parents[number] = parent
    return number
  }

  state(number: number): State {
    return unpack(this.chunk(number), (number % chunkStates) * packedBytes)
  }

  parent = (number: number) => this.parents[number] ?? 0

  private chunk = (number: number) =>
    this.chunks[Math.floor(number / chunkStates)] ?? new Uint8Array()

  private equals(number: number): boolean {
    const chunk = this.chunk(number)
    const offset = (number % chunkStates) * packedBytes
    for (let index = 0; index < packedBytes; index++)
      if (chunk[offset + index] !== this.scratch[index]) return false
    return true
  }

  private grow(): void {
    this.table = new Uint32Array(this.table.length * 2)
    for (let number = 0; number < this.count; number++) {
      let slot =
        hash(this.chunk(number), (number % chunkStates) * packedBytes) & (this.table.length - 1)
      while (this.table[slot] !== 0) slot = (slot + 1) & (this.table.length - 1)
      this.table[slot] = number + 1
    }
  }
}

/** FNV-1a with a last mix. */
function hash(bytes: Uint8Array, offset: number): number {
  let value = 0x811c9dc5
  for (let index = 0; index < packedBytes; index++)
    value = Math.imul(value ^ get(bytes, offset + index), 0x01000193)
  value ^= value >>> 15
  return Math.imul(value, 0x2c1b3c6d) >>> 0
}

export type Search = {
  daily: boolean
  bounds: Bounds
  rules: Rules
  maxStates: number
  maxSeconds?: number
  /** One state in so many is run to rest. */
  restEvery: number
}

export function search(options: Search): Found {
  const product = new Product(options.daily, options.rules)
  const seen = new Seen()
  const started = performance.now()
  for (const kind of ['pending', 'making'] as const)
    for (const cap of [1, 2]) {
      const first = firstState(product, cap, kind)
      if (first) seen.add(canonical(first), 0xffffffff)
    }
  let [transitions, rested, depth, levelEnd] = [0, 0, 0, seen.count]
  const result = (whole: boolean, found: Found['violation']): Found => ({
    states: seen.count,
    depth,
    transitions,
    whole,
    seconds: (performance.now() - started) / 1000,
    violation: found,
    rested,
  })
  for (let number = 0; number < seen.count; number++) {
    if (number === levelEnd) {
      depth++
      levelEnd = seen.count
    }
    const state = seen.state(number)
    const wrong = violation(product, state)
    if (wrong) return result(false, { what: wrong, trace: traceOf(options, product, seen, number) })
    if (number % options.restEvery === 0) {
      rested++
      const trace: string[] = []
      const restless = rest(product, options.bounds, state, trace)
      if (restless)
        return result(false, {
          what: restless,
          trace: [...traceOf(options, product, seen, number), '— left to itself —', ...trace],
        })
    }
    successors(product, options.bounds, state, (_name, next) => {
      transitions++
      seen.add(canonical(next), number)
    })
    if (seen.count > options.maxStates) return result(false, null)
    if (
      number % 4096 === 0 &&
      performance.now() - started > (options.maxSeconds ?? Infinity) * 1000
    )
      return result(false, null)
  }
  return result(true, null)
}

function successors(
  product: Product,
  bounds: Bounds,
  state: State,
  emit: (name: string, next: State) => void,
): void {
  acts(product, bounds, state, emit)
  engineSteps(product, bounds, state, emit)
  world(product, state, emit)
}

/** The names of the steps that lead to a state, found again by its parents. */
function traceOf(options: Search, product: Product, seen: Seen, number: number): string[] {
  const names: string[] = []
  for (let child = number; seen.parent(child) !== 0xffffffff; child = seen.parent(child)) {
    const target = seen.state(child).join()
    let name = '?'
    successors(product, options.bounds, seen.state(seen.parent(child)), (each, next) => {
      if (canonical(next).join() === target) name = each
    })
    names.unshift(name)
  }
  return names
}

const quiet =
  /, answered$|recorded$|is closed$|lands$|15 seconds|ten minutes|is read|books follow|makes key|saved|for nothing/

/** Nobody acts, nothing fails, and nobody spends: runs the machinery until nothing changes. */
function rest(product: Product, bounds: Bounds, start: State, trace: string[]): string | null {
  let state = start
  for (let steps = 0; steps < 200; steps++) {
    let chosen: { name: string; next: State } | null = null
    const before = canonical(state.slice()).join()
    successors(
      product,
      { ...bounds, owner: 0, staff: 0, crashes: 0, delayed: 0 },
      state,
      (name, next) => {
        if (chosen || !quiet.test(name) || name.includes('not counted')) return
        if (canonical(next.slice()).join() !== before) chosen = { name, next }
      },
    )
    const step = chosen as { name: string; next: State } | null
    if (!step) return unrest(product, state)
    trace.push(step.name)
    state = canonical(step.next)
    const wrong = violation(product, state)
    if (wrong) return wrong
  }
  return 'the machinery does not come to rest'
}
