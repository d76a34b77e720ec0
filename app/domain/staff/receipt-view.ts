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
}

/** Why a receipt cannot be made yet. */
export type Missing =
  | { what: 'open' }
  | { what: 'live'; keys: number }
  | { what: 'unsettled'; keys: number }
  | { what: 'books'; until: string }
  | { what: 'provider' }
