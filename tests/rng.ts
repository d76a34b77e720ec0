/** Numbers at random that are the same for the same seed, everywhere: mulberry32. */

/** From 0 to 1, without 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Rng = {
  below: (limit: number) => number
  pick: <Item>(items: Item[]) => Item
  take: <Item>(items: Item[]) => Item
}

/** The seed is printed, and the named variable of the environment repeats it. */
export function seededRng(variable: string): Rng {
  const seed = Number(process.env[variable] ?? Date.now() % 1_000_000)
  process.stdout.write(`${variable}=${seed} repeats this run\n`)
  const next = mulberry32(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    pick: (items) => items[below(items.length)]!,
    take: (items) => items.splice(below(items.length), 1)[0]!,
  }
}
