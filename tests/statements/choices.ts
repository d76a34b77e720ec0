/**
 * Every combination of the branches that a statement has. What is undecided asks for a choice by a
 * key; the same key gets the same answer through one run, so that two halves of a statement that
 * ask the same question agree.
 */
export type Choose = (key: string, options: number) => number

/** A path that cannot be taken: it throws, or two of its choices contradict each other. */
export class Infeasible extends Error {}

export const maxCombinations = 64

export type Runs<T> = { results: T[]; capped: boolean }

/**
 * Runs `build` once for each combination of choices. Beyond `maxCombinations` the rest is pairwise:
 * every two choices still meet in some run.
 */
export function everyCombination<T>(build: (choose: Choose) => T): Runs<T> {
  const results: T[] = []
  const stack = [new Map<string, number>()]
  let runs = 0
  for (let forced = stack.pop(); forced; forced = stack.pop()) {
    if (++runs > maxCombinations) return { results: pairwise(build), capped: true }
    const open: Map<string, number>[] = []
    const made = new Map<string, number>(forced)
    run(results, build, (key, options) => {
      const known = made.get(key)
      if (known !== undefined) return known
      for (let other = options - 1; other > 0; other--) open.push(new Map([...made, [key, other]]))
      made.set(key, 0)
      return 0
    })
    stack.push(...open)
  }
  return { results, capped: false }
}

function run<T>(results: T[], build: (choose: Choose) => T, choose: Choose): void {
  try {
    results.push(build(choose))
  } catch (error) {
    if (!(error instanceof Infeasible)) throw error
  }
}

const maxPairwiseRuns = 1_000

function pairwise<T>(build: (choose: Choose) => T): T[] {
  const results: T[] = []
  const seen = new Map<string, number>()
  const covered = new Set<string>()
  const tried = new Set<string>()
  const pairOf = (a: string, x: number, b: string, y: number) =>
    a < b ? `${a}=${x}&${b}=${y}` : `${b}=${y}&${a}=${x}`

  const runWith = (forced: ReadonlyMap<string, number>) => {
    const made = new Map<string, number>()
    run(results, build, (key, options) => {
      seen.set(key, options)
      const known = made.get(key)
      if (known !== undefined) return known
      const gain = (option: number) =>
        [...made].filter(([other, chosen]) => !covered.has(pairOf(other, chosen, key, option)))
          .length
      let best = forced.get(key)
      if (best === undefined) {
        best = 0
        for (let option = 1; option < options; option++)
          if (gain(option) > gain(best)) best = option
      }
      made.set(key, best)
      return best
    })
    const list = [...made]
    for (const [index, [a, x]] of list.entries())
      for (const [b, y] of list.slice(index + 1)) covered.add(pairOf(a, x, b, y))
    return made
  }

  runWith(new Map())
  for (let runs = 1; runs < maxPairwiseRuns; runs++) {
    const next = firstPair(seen, (pair) => !covered.has(pair) && !tried.has(pair), pairOf)
    if (!next) return results
    tried.add(next.pair)
    runWith(next.forced)
  }
  throw new Error(`a statement has pairs of branches for more than ${maxPairwiseRuns} runs`)
}

function firstPair(
  seen: Map<string, number>,
  isWanted: (pair: string) => boolean,
  pairOf: (a: string, x: number, b: string, y: number) => string,
) {
  const keys = [...seen]
  for (const [index, [a, optionsOfA]] of keys.entries())
    for (const [b, optionsOfB] of keys.slice(index + 1))
      for (let x = 0; x < optionsOfA; x++)
        for (let y = 0; y < optionsOfB; y++) {
          const pair = pairOf(a, x, b, y)
          if (isWanted(pair))
            return {
              pair,
              forced: new Map([
                [a, x],
                [b, y],
              ]),
            }
        }
  return undefined
}
