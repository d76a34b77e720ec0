/** The runs of the model: the whole one, the short one of the suite, and one for each broken rule. */
import type { Bounds } from './engine'
import { rulesWith, type Rule } from './rules'
import { search, type Found } from './search'

export const bounds = {
  full: { owner: 3, staff: 2, crashes: 2, keys: 3, delayed: 1, workers: 2 },
  short: { owner: 1, staff: 0, crashes: 0, keys: 2, delayed: 0, workers: 1 },
  shortStaff: { owner: 0, staff: 1, crashes: 0, keys: 2, delayed: 1, workers: 1 },
  broken: { owner: 2, staff: 2, crashes: 1, keys: 2, delayed: 1, workers: 2 },
  twoDelayed: { owner: 1, staff: 2, crashes: 0, keys: 1, delayed: 2, workers: 1 },
} satisfies Record<string, Bounds>

/** An owner's act with a daily cap; an act of staff and a delayed call without a reset. */
export const shortSearch = (daily: boolean): Found =>
  search({
    daily,
    bounds: daily ? bounds.short : bounds.shortStaff,
    rules: rulesWith(null),
    maxStates: 3_000_000,
    restEvery: 97,
  })

/** The longest that one broken rule is looked for. */
const breakSeconds = 60

/** Null: no rule is broken, and two calls may be delayed. */
export function breakSearch(rule: Rule | null): Found {
  const run = (daily: boolean) =>
    search({
      daily,
      bounds: rule === null ? bounds.twoDelayed : bounds.broken,
      rules: rulesWith(rule),
      maxStates: rule === null ? 20_000_000 : 1_500_000,
      maxSeconds: rule === null ? 5 * breakSeconds : breakSeconds,
      restEvery: rule === null ? 13 : 97,
    })
  const without = run(false)
  return without.violation || rule === null ? without : run(true)
}
