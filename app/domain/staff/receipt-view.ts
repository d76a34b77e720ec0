/**
 * What a receipt says, and what still keeps one from being made. Amounts are decimal strings of
 * USD.
 */

/** Frozen as it stands: only ever add to it, and read what older receipts lack as absent. */
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
  /** By what it cost; null where the provider's books could not be had. */
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

export function missingWords(missing: Missing): string {
  const keys = (count: number) => `${count.toLocaleString('en-US')} ${count === 1 ? 'key' : 'keys'}`
  switch (missing.what) {
    case 'open':
      return 'Claims are still open, or have not opened yet.'
    case 'live':
      return `${keys(missing.keys)} can still be used.`
    case 'unsettled':
      return `${keys(missing.keys)} ended so lately that the last reading of what they used has not come. It takes a few minutes.`
    case 'books':
      return `The provider closes its books for the last day of use at midnight UTC; what each model cost can be had from ${missing.until.slice(0, 16).replace('T', ' ')} UTC.`
    case 'provider':
      return 'The provider could not be asked for what each model cost. It is tried again.'
  }
}
