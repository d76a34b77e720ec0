/**
 * Names for prepared statements, so that Postgres plans a hot text once a connection and not at each
 * run. A text is hot when this process runs it often within seconds: a burst of claims, polls. What
 * staff look at now and then keeps the plan that fits its values. The number of names is bounded:
 * past it a text goes without, and no text ever gets another name.
 */
import { createHash } from 'node:crypto'

export type StatementNames = {
  nameOf(sql: string): string | undefined
  /** This text is never named again: its plan, or its name, no longer holds on some connection. */
  abandon(sql: string): void
}

const hotRuns = 20
const windowMs = 10_000
const maxNames = 100
/** Dynamic SQL must not fill the memory either. */
const maxCounted = 1_000

const transactionControl = /^\s*(begin|commit|rollback|savepoint|release|set)\b/i

export function createStatementNames(now: () => number = () => performance.now()): StatementNames {
  const names = new Map<string, string | undefined>()
  let named = 0
  let counts = new Map<string, number>()
  let countedSince = now()

  function isHot(sql: string): boolean {
    if (now() - countedSince > windowMs) {
      counts = new Map()
      countedSince = now()
    }
    const runs = (counts.get(sql) ?? 0) + 1
    if (runs >= hotRuns) return true
    if (runs > 1 || counts.size < maxCounted) counts.set(sql, runs)
    return false
  }

  return {
    nameOf(sql) {
      if (names.has(sql)) return names.get(sql)
      if (named >= maxNames || transactionControl.test(sql) || !isHot(sql)) return undefined
      named++
      const name = `k${createHash('sha256').update(sql).digest('base64url').slice(0, 22)}`
      names.set(sql, name)
      return name
    },
    abandon(sql) {
      if (names.has(sql)) names.set(sql, undefined)
    },
  }
}
