/**
 * What a receipt holds, and what keeps one from being made. Amounts are decimal strings of USD.
 */

/** Stored for good: only add to it, and treat what older receipts lack as absent. */
export type ReceiptBody = {
  title: string
  claimsOpenedAt: string | null
  claimsClosedAt: string | null
  firstClaimAt: string | null
  lastKeyEndedAt: string | null
  claims: number
  refused: number
  keysMade: number
  activePeople: number
  medianSpendUsd: string | null
  p95SpendUsd: string | null
  largestSpendUsd: string | null
  spentUsd: string
  /** The caps of all keys that were made, and what of it nobody used. */
  grantedUsd: string
  unspentUsd: string
  poolUsd: string | null
  optIns: number
  /** The most expensive first; null where there were too many keys to ask the provider about. */
  models:
    | {
        model: string
        usd: string
        requests: number
        promptTokens: number
        completionTokens: number
      }[]
    | null
  /** What of the spend the models account for. */
  modelsUsd: string | null
  /** Receipts made before it existed lack it. */
  report?: Report
}

/** What a workshop came to so far; the receipt keeps the last one. */
export type Report = {
  kind: 'workshop' | 'giveaway'
  /** The three sums, as every page has them. Left is null where nothing bounds it. */
  spentUsd: string
  maySpendUsd: string
  leftUsd: string | null
  /** Keys that may still spend, and until when the last of them; zero once all have ended. */
  live: { keys: number; until: string | null }
  /** Keys that have ended and whose final usage is not read yet. */
  unsettled: number
  /** What was spent in all at the end of each step; empty while nothing was read. */
  spending: { from: string; to: string; stepSeconds: number; points: { at: string; usd: string }[] }
  people: {
    /** Those who got a key. */
    withKey: number
    medianUsd: string | null
    p90Usd: string | null
    maxUsd: string | null
    /** What each of them cost, the most first, without names. At most so many as `maxListed`. */
    amounts: string[]
    /** Over all of them. Absent in receipts from before it was kept. */
    all?: { users: number; spentUsd: string; topTenthUsd: string }
  }
  /** Limits of keys that are settled, less what they used. */
  cameBackUsd: string
  seats: { taken: number; max: number | null }
  turnedAway: { reason: string; count: number }[]
  optIns: number
  /** Seconds from a claim to its first key. */
  timeToKey: { p50: number; p95: number } | null
  /** Of a giveaway, oldest first; null for a workshop. */
  months: Month[] | null
}

/** `spentUsd` is null where the usage of the month was not read. */
export type Month = { month: string; claims: number; keys: number; spentUsd: string | null }

export const maxListed = 2_000

/** Why a receipt cannot be made yet. */
export type Missing =
  | { what: 'open' }
  | { what: 'live'; keys: number }
  | { what: 'unsettled'; keys: number }
  | { what: 'books'; until: string }
  | { what: 'provider' }
