/**
 * How many calls that make keys may be out at once for one provider account, all workers together.
 * Pure: what a cohort of calls came to changes the pace, and nothing else does. Calls are counted
 * by when they were sent: refusals come back in milliseconds and successes after a whole call, so
 * whoever counts answers as they arrive sees an outage in every limit.
 */

export type Pace = {
  /** Calls at once. The ceiling of the deployment is applied where it is used. */
  limit: number
  /** The limit that the provider has shown; null while none was met, or after it is forgotten. */
  known: number | null
  /** Starts a second, where the provider limits those. */
  perSecond: number | null
  /** Raised by every decrease: a cohort that was sent before cuts nothing twice. */
  epoch: number
  /** Milliseconds of the database's clock. */
  movedAt: number
  cutAt: number | null
  acceptedAt: number | null
  /** How long until the next try of one more. */
  trialMs: number
  /** The share that is refused whatever the limit. */
  baseline: number
  /** The last calls, oldest first: "." was answered with a key, "x" was refused. */
  recent: string
}

/** Calls of one worker that were sent about together, when all that matters is known. */
export type Cohort = {
  epoch: number
  sent: number
  /** Answered with 429 or another refusal that passes. */
  refused: number
  /** Answered with 5xx. */
  failed: number
  /** Fewest calls of this worker that were still out when one was refused. */
  besides: number
  /** No call of it is out any more. */
  complete: boolean
  /** Other calls waited for a slot, or for the pacer, while this one was sent. */
  windowBound: boolean
  paceBound: boolean
  /** From the last send of the cohort before to its own last send. */
  spanMs: number
  /** How long an accepted call takes. */
  callMs: number
  workers: number
  answers: string
}

/** Where every account begins. */
const firstLimit = 16
const growth = 1.5
/** Below this share a refused call waits alone. */
const realShare = 0.15
/** A smaller cohort counts when twice as much of it is refused. */
const wholeCohort = 20
const smallCohort = 10
/** Fewer refusals than this are chance. */
const minRefusals = 5
const outageShare = 0.9
/** A small cohort shows an outage only when nothing was accepted for so long. */
const quietMs = 10_000
/** A second cut so soon after the first: the provider counts calls a second. */
const cutAgainMs = 2_500
const firstTrialMs = 2_000
const maxTrialMs = 60_000
/** A limit that was met so long ago is looked for again. */
const forgetMs = 60_000
const rateStep = 1.08
const recentCalls = 40

export const firstPace = (): Pace => ({
  limit: firstLimit,
  known: null,
  perSecond: null,
  epoch: 1,
  movedAt: 0,
  cutAt: null,
  acceptedAt: null,
  trialMs: firstTrialMs,
  baseline: 0,
  recent: '',
})

/** True when more was refused than chance explains: the provider has a limit. */
export function meetsLimit(cohort: Pick<Cohort, 'sent' | 'refused' | 'failed'>): boolean {
  const bad = cohort.refused + cohort.failed
  if (bad < minRefusals) return false
  return cohort.sent >= wholeCohort
    ? bad > realShare * cohort.sent
    : cohort.sent >= smallCohort && bad > 2 * realShare * cohort.sent
}

/** True when a complete cohort was refused as a whole: nobody need try before a probe has. */
function isOutage(pace: Pace, cohort: Cohort, now: number): boolean {
  if (!cohort.complete || cohort.refused <= outageShare * cohort.sent) return false
  return cohort.sent >= wholeCohort || pace.acceptedAt === null || now - pace.acceptedAt > quietMs
}

/** The pace after a cohort. `close`: the account cools down, and one probe goes first. */
export function afterCohort(
  pace: Pace,
  cohort: Cohort,
  { ceiling, now }: { ceiling: number; now: number },
): { pace: Pace; close: boolean } {
  const seen = remember(pace, cohort, now)
  if (isOutage(pace, cohort, now)) {
    const limit = cohort.sent >= wholeCohort ? Math.min(pace.limit, 4) : pace.limit
    return { pace: { ...seen, limit, epoch: pace.epoch + 1, movedAt: now }, close: true }
  }
  if (cohort.epoch !== pace.epoch) return { pace: seen, close: false }
  const next = meetsLimit(cohort) ? cut(seen, cohort, now) : grow(seen, cohort, ceiling, now)
  return { pace: next, close: false }
}

function remember(pace: Pace, cohort: Cohort, now: number): Pace {
  const bad = cohort.refused + cohort.failed
  const small = cohort.sent < minRefusals || meetsLimit(cohort)
  return {
    ...pace,
    recent: (pace.recent + cohort.answers).slice(-recentCalls),
    acceptedAt: cohort.answers.includes('.') ? now : pace.acceptedAt,
    baseline: small ? pace.baseline : 0.8 * pace.baseline + 0.2 * (bad / cohort.sent),
  }
}

/** To what was out beside the refused calls, and to a half at most. */
function cut(pace: Pace, cohort: Cohort, now: number): Pace {
  const wanted = Math.max(Math.floor(pace.limit / 2), cohort.besides * cohort.workers)
  const limit = Math.max(1, Math.min(pace.limit - 1, wanted))
  const isSecondCut = pace.cutAt !== null && now - pace.cutAt < cutAgainMs
  const kept = cohort.sent - cohort.refused - cohort.failed
  const perSecond =
    isSecondCut && cohort.spanMs > 0
      ? Math.max(0.5, (kept * cohort.workers * 1_000) / cohort.spanMs)
      : pace.perSecond
  // A rate needs a limit above the calls that are out meanwhile.
  const forRate = perSecond === null ? 0 : Math.ceil((1.5 * perSecond * cohort.callMs) / 1_000)
  const next = isSecondCut ? Math.min(pace.limit, Math.max(limit, forRate)) : limit
  return {
    ...pace,
    limit: next,
    known: next,
    perSecond,
    epoch: pace.epoch + 1,
    movedAt: now,
    cutAt: now,
    trialMs: firstTrialMs,
  }
}

function grow(pace: Pace, cohort: Cohort, ceiling: number, now: number): Pace {
  const since = now - pace.movedAt
  if (pace.known === null) {
    // Once a call time, however many workers have a good cohort to tell of.
    if (!cohort.windowBound || pace.limit >= ceiling || since < 0.8 * cohort.callMs) return pace
    return { ...pace, limit: Math.min(ceiling, Math.ceil(pace.limit * growth)), movedAt: now }
  }
  if (pace.cutAt !== null && now - pace.cutAt >= forgetMs)
    return { ...pace, known: null, perSecond: null, movedAt: now }
  const excess = cohort.refused + cohort.failed - Math.round(pace.baseline * cohort.sent)
  if (pace.limit > pace.known) return judgeTrial(pace, cohort, excess, now)
  // A rate that was estimated low is found again soon: it moves in small steps, and twice as often.
  if (pace.perSecond !== null && cohort.paceBound && since >= pace.trialMs / 2 && excess <= 0)
    return { ...pace, perSecond: pace.perSecond * rateStep, movedAt: now }
  if (since < pace.trialMs || excess > 1) return pace
  if (!cohort.windowBound || pace.limit >= ceiling) return pace
  return { ...pace, limit: pace.limit + 1, epoch: pace.epoch + 1, movedAt: now }
}

/** One more was tried: it stays, or the next try comes later. */
function judgeTrial(pace: Pace, cohort: Cohort, excess: number, now: number): Pace {
  const known = pace.known ?? pace.limit
  if (excess >= pace.limit - known)
    return {
      ...pace,
      limit: known,
      epoch: pace.epoch + 1,
      movedAt: now,
      trialMs: Math.min(maxTrialMs, 2 * pace.trialMs),
    }
  if (cohort.sent * cohort.workers < pace.limit) return pace
  return { ...pace, known: pace.limit, trialMs: firstTrialMs, movedAt: now }
}

/** This worker's part of the calls at once: all parts together are the limit, and each is one at least. */
export function shareOf(
  pace: Pace,
  workers: { count: number; rank: number },
  ceiling: number,
): number {
  const limit = Math.min(pace.limit, ceiling)
  const rest = workers.rank < limit % workers.count ? 1 : 0
  return Math.max(1, Math.floor(limit / workers.count) + rest)
}

/** Pause between two starts of this worker; a limit that was met is approached evenly, not in bursts. */
export function spacingMs(pace: Pace, share: number, workers: number, callMs: number): number {
  const byRate = pace.perSecond === null ? 0 : (1_000 * workers) / pace.perSecond
  const even = pace.known === null ? 0 : (0.8 * callMs) / share
  return Math.max(byRate, even)
}

/** What staff read: how many at once, and why. */
export type PaceView = {
  atOnce: number
  ceiling: number
  perSecond: number | null
  why: 'ceiling' | 'no-limit-met' | 'refused'
  refused: number
  of: number
}

export function paceView(pace: Pace, ceiling: number): PaceView {
  const atOnce = Math.min(pace.limit, ceiling)
  const full = atOnce === ceiling && pace.perSecond === null
  return {
    atOnce,
    ceiling,
    perSecond: pace.perSecond === null ? null : Math.round(pace.perSecond * 10) / 10,
    why: full ? 'ceiling' : pace.known === null ? 'no-limit-met' : 'refused',
    refused: [...pace.recent].filter((call) => call === 'x').length,
    of: pace.recent.length,
  }
}

/** Reads a pace back from the database; anything else begins anew. */
export function paceFrom(value: unknown): Pace {
  const first = firstPace()
  if (typeof value !== 'object' || value === null) return first
  const stored = value as Partial<Pace>
  return typeof stored.limit === 'number' && stored.limit >= 1 ? { ...first, ...stored } : first
}
