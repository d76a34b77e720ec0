import type { RefusedReason } from '~/domain/claim/claim.server'
import type { ClaimView, LimitRequestView } from '~/domain/claim/view-types'
import type { WorkshopView } from '~/domain/workshop/view-types'
import type { Account } from './account-help'
import type { KnownAccess } from './workshop-entry'

/**
 * All that the claim page shows. It is in the HTML and in the answer to a refresh, so it never
 * holds a key.
 */
export type ClaimPageData = {
  workshop: WorkshopView | null
  claim: ClaimView | null
  /** Null where the workshop takes no requests for a higher limit. */
  limitRequest: LimitRequestView | null
  /** When the seat of a key that nobody has used goes to the line (ISO UTC); null: it does not. */
  releaseAt: string | null
  /** The pulse's `v` of which `claim` is at least as new. */
  version: string
  refused: RefusedReason | null
  /** When a budget that is used up begins again, for a claim that was refused for that. */
  moreFrom: string | null
  /** When the account is old enough for this workshop (ISO UTC), where that is the obstacle. */
  oldEnoughAt: string | null
  /** How the other claim with this email was signed in, for a claim that was refused for that. */
  claimedWith: Account['provider'] | null
  /** Whether the organizers can lift a refusal. */
  access: KnownAccess
  holder: string
  account: Account
  autoSeconds: number | null
  baseUrl: string
  /** Where this site is, for the commands that a terminal runs. */
  origin: string
  urls: {
    workshop: string
    claim: string
    status: string
    view: string
    reveal: string
    test: string
    replace: string
    more: string
    keep: string
    goOn: string
  }
}
