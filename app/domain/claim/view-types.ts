import type { DelayReason } from '../keys/mint-policy'
import type { MoneyView } from '../money-view'

export type StepName = 'queued' | 'checking' | 'creating' | 'limits' | 'ready'
/** `seconds` is how long a step took, once it is done and where that was measured. */
export type StepView = {
  name: StepName
  state: 'done' | 'now' | 'next' | 'problem'
  seconds?: number | null
}

export type ClaimRefusal =
  'rejected-by-provider' | 'expired-before-mint' | 'banned' | 'gave-up' | 'cancelled'
export type ClaimEnd = 'expired' | 'revoked' | 'given-back' | 'closed' | 'unused'

export type ClaimView = {
  claimId: string
  /** Short code to read out to staff. */
  reference: string
  workshopSlug: string
  state: 'pending' | 'ready' | 'ended' | 'refused'
  steps: StepView[]
  claimedAt: string
  /** When its key ends, or the one that is being made (ISO UTC). */
  expiresAt: string
  /** Only while pending. `etaSeconds` null means not known yet. */
  waiting: {
    peopleAhead: number
    etaSeconds: { from: number; to: number } | null
    delay: {
      reason: DelayReason
      attempt: number
      retryInSeconds: number
      detail: string | null
      /** Since when minting is paused. */
      since: string | null
    } | null
    /** False when no worker process was seen in the last 30 s. */
    workerSeen: boolean
  } | null
  refusal: { reason: ClaimRefusal; detail: string | null } | null
  end: { reason: ClaimEnd; endedAt: string } | null
  /**
   * A new key is about to take the place of this one, or has: the old one of an extension works for
   * a while beside it.
   */
  replacing: 're-issue' | 'extend' | null
  formerKey: { label: string; left: MoneyView; until: string | null } | null
  /** The key on this page replaced another one of the same claim. */
  isReplacement: boolean
  key: KeyView | null
  /**
   * After an end where the rules or staff allow another key: from when (ISO UTC), and whether that
   * is now.
   */
  claimAgain: { from: string; now: boolean } | null
  /** The server dictates: milliseconds until the next poll, null = stop polling. */
  nextPollMs: number | null
  asOf: string
}

export type KeyView = {
  /** The provider's own mask, such as sk-or-v1-0e6...1c96. */
  label: string
  /** False for a few seconds after minting, until its guardrail is assigned. */
  revealable: boolean
  /** Null when bound; else why the guardrail is not assigned yet. */
  unbound: { since: string; reason: string | null } | null
  /**
   * What a former key used is still being read: until then this one can spend almost nothing, and
   * `used` and `left` say too little.
   */
  budgetFollows: boolean
  limit: MoneyView
  limitReset: 'daily' | 'weekly' | 'monthly' | null
  /** Used of the limit in the current window; null until the first reading. */
  used: MoneyView | null
  left: MoneyView | null
  usedTotal: MoneyView | null
  usageAsOf: string | null
  /** When a reading last showed more usage; null before the first use. */
  lastUsedAt: string | null
  expiresAt: string
  allowedModels: string[]
  disabled: boolean
  /** Disabled by staff, not by the provider. */
  disabledByOrganiser: boolean
  missingUpstream: boolean
  hold: HoldView | null
}

/** The key spends so fast that it is on hold, or was until a moment ago. */
export type HoldView = {
  id: string
  /** `held`: it is off. `resuming`: it was let go on, and the provider has not confirmed that yet. */
  state: 'held' | 'resuming'
  perMinute: MoneyView
  heldAt: string
  /** How long it gets no other hold if it goes on now, in minutes. */
  quietMinutes: number
}

/** Requests for a higher limit, in a workshop whose file offers them. */
export type LimitRequestView = {
  /** What the form suggests to ask for. */
  suggested: MoneyView
  /** Null before the first. */
  last: {
    state: 'open' | 'approved' | 'refused' | 'ended'
    more: MoneyView
    granted: MoneyView | null
    /** False where the provider refused the higher limit afterwards, or staff lowered it. */
    raised: boolean
    askedAt: string
    decidedAt: string | null
  } | null
}

/** One poll: at most 300 bytes. `v` changes whenever the page has something new to load. */
export type ClaimPulse = {
  v: string
  /** Index of the step being worked on, 0 to 4. */
  step: number
  ahead: number
  eta: [number, number] | null
  /** Seconds until the next attempt when delayed. */
  delay: number | null
  next: number | null
}

/** What the provider says about a key, asked with the key itself. */
export type KeyTestResult = {
  result:
    | 'works'
    /** It answered one real request. */
    | 'answers'
    | 'spent'
    | 'disabled-or-gone'
    | 'expired'
    /** The key is fine; the account that pays for it is not. */
    | 'account-out-of-credit'
    /** The key is fine, and the provider fails real requests. */
    | 'requests-fail'
    | 'model-refused'
    | 'slow-down'
    /** Only free variants are allowed, and none of them is tried. */
    | 'no-model'
    | 'provider-error'
    | 'not-ready'
  left: MoneyView | null
  /** The model of a real request. */
  model: string | null
  checkedAt: string
}
