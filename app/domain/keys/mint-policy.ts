/**
 * The decisions of minting, without effects: whether a mint may go on now, and how long to wait if
 * not.
 */
import type { ProviderErrorDetails } from '~/adapters/provider-error'
import type { JobError } from '../job-outcome'
import type { MintRefusal } from '../holder'

export type DelayReason =
  | 'rate-limited'
  | 'no-credit'
  | 'unauthorized'
  | 'forbidden'
  | 'no-workspace'
  | 'unreachable'
  | 'upstream-trouble'
  | 'paused'
  | 'switched-off'
  /** The key before it is not closed yet. */
  | 'former-key'

/** How a mint stands, as one query reads it. Times in seconds are by Postgres's clock. */
export type MintSnapshot = {
  state: string
  attempts: number
  secondsUntilNotBefore: number
  delayReason: string | null
  expiresAt: Date
  holderWaits: boolean
  holderBarred: boolean
  /** A key before it may still be spent: closed gates the mint. */
  formerOpen: boolean
  /** Attempts of the account that may have made a key and are not resolved. */
  unresolved: number
  parked: boolean
  gate: {
    secondsUntilOpen: number | null
    reason: string | null
    cause: JobError | null
    failures: number
    pausedReason: string | null
  }
}

export type MintDecision =
  | { kind: 'go' }
  /** The gate has cooled down: one mint may try, the others wait for its answer. */
  | { kind: 'probe' }
  /** `until` list: calls without an answer have to be looked for first, so the account is read by then. */
  | { kind: 'wait'; seconds: number; reason: DelayReason; until?: 'list' }
  /** No job runs until a person ends what stands in the way; then all are sent again. */
  | { kind: 'park'; reason: DelayReason }
  | { kind: 'refuse'; refusal: MintRefusal }
  | { kind: 'stop' }

/** A key that ends sooner than this is not worth making. */
const minLifeMs = 60_000
/** So many outcomes in doubt in a row, and the whole queue cools down. */
export const failuresThatCloseTheGate = 5
/** Retry-After is honoured so far; a longer one is shown, and a probe goes out anyway. */
const maxRetryAfterSeconds = 300

export function decideMint(
  snapshot: MintSnapshot | null,
  now: Date,
  settings: { provisioningEnabled: boolean; mintConcurrency: number },
): MintDecision {
  if (!snapshot || snapshot.state !== 'pending' || !snapshot.holderWaits) return { kind: 'stop' }
  if (snapshot.holderBarred) return { kind: 'refuse', refusal: { reason: 'banned', detail: null } }
  if (snapshot.expiresAt.getTime() - now.getTime() < minLifeMs)
    return { kind: 'refuse', refusal: { reason: 'expired-before-mint', detail: null } }
  if (!settings.provisioningEnabled) return { kind: 'park', reason: 'switched-off' }
  if (snapshot.gate.pausedReason !== null) return { kind: 'park', reason: 'paused' }
  if (snapshot.parked) return { kind: 'park', reason: 'upstream-trouble' }
  if (snapshot.formerOpen) return { kind: 'wait', seconds: 5, reason: 'former-key' }
  if (snapshot.secondsUntilNotBefore > 0)
    return {
      kind: 'wait',
      seconds: snapshot.secondsUntilNotBefore,
      reason: asDelayReason(snapshot.delayReason),
    }
  if (snapshot.unresolved >= 2 * settings.mintConcurrency)
    return { kind: 'wait', seconds: 2, reason: 'upstream-trouble', until: 'list' }
  const { secondsUntilOpen } = snapshot.gate
  if (secondsUntilOpen === null) return { kind: 'go' }
  if (secondsUntilOpen > 0)
    return { kind: 'wait', seconds: secondsUntilOpen, reason: asDelayReason(snapshot.gate.reason) }
  return { kind: 'probe' }
}

/** A first doubt is tried again at once: one lost answer is no outage. Then longer each time. */
export function doubtPauseSeconds(attempts: number): number {
  return attempts <= 2 ? 0 : Math.min(15, 2 ** Math.min(attempts - 3, 4))
}

const delayReasons: readonly string[] = [
  'rate-limited',
  'no-credit',
  'unauthorized',
  'forbidden',
  'no-workspace',
  'unreachable',
  'upstream-trouble',
  'paused',
  'switched-off',
  'former-key',
] satisfies DelayReason[]

/** Reads a reason back from the database; anything unknown counts as an error upstream. */
export function asDelayReason(text: string | null): DelayReason {
  return text !== null && delayReasons.includes(text) ? (text as DelayReason) : 'upstream-trouble'
}

/** What a failed POST /keys means for the mint. */
export function judgeFailure(
  details: ProviderErrorDetails,
):
  | { kind: 'snoozed'; reason: DelayReason }
  | { kind: 'refused'; refusal: MintRefusal }
  | { kind: 'unknown' } {
  if (details.kind === 'ambiguous') return { kind: 'unknown' }
  if (details.kind === 'retryable') return { kind: 'snoozed', reason: details.reason }
  // A 404 on the collection means a wrong address, not a wrong request: nobody should lose a claim
  // over it.
  if (details.reason === 'not-found') return { kind: 'snoozed', reason: 'upstream-trouble' }
  return {
    kind: 'refused',
    refusal: { reason: 'rejected-by-provider', detail: details.providerMessage ?? null },
  }
}

/**
 * What concerns every call of the account, however few were out: its credential, its credit, its
 * address. A rate limit and a connection that failed need more than one call to say so.
 */
export function closesAtOnce(reason: DelayReason): boolean {
  return reason !== 'rate-limited' && reason !== 'unreachable'
}

/** They last until somebody repairs the account: a probe now and then is enough. */
const needsAPerson: readonly DelayReason[] = [
  'unauthorized',
  'forbidden',
  'no-credit',
  'no-workspace',
]

/**
 * Seconds to cool down after `failures` refusals in a row; the provider's own Retry-After goes
 * first.
 */
export function cooldownSeconds(
  reason: DelayReason,
  failures: number,
  retryAfterSeconds: number | undefined,
): number {
  if (retryAfterSeconds !== undefined) return Math.min(retryAfterSeconds, maxRetryAfterSeconds)
  const most = needsAPerson.includes(reason) ? 30 : 15
  return Math.min(most, 2 ** Math.min(failures, 6))
}
