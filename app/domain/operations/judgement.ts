/**
 * The one judgement: what is wrong now, for whom, since when, why, and what helps. Pure: facts in,
 * codes and values out. Overview, banners, queue page, readiness page, alerts and metrics read it and
 * judge nothing themselves; messages/ has the sentences.
 */
import type { NanoUsd } from '~/money'
import type { ParkedReason } from '../keys/accounts.server'
import { moneyView, type MoneyView } from '../money-view'
import { inOrder } from './judgement-order'
import type { CreditsLow } from './money-judgement'

/** `error`: people are without what they came for. `warning`: not as it should be. */
export type Severity = 'ok' | 'warning' | 'error'

/**
 * `press`: an action in Keymint helps. `outside`: something outside of Keymint must change.
 * `waits`: it passes without anybody. `none`: nothing is to be done.
 */
export type Help = 'press' | 'outside' | 'waits' | 'none'

export type EngineCause =
  | { code: 'no-worker'; quietSeconds: number | null }
  | { code: 'switched-off' }
  | { code: 'account-parked'; reason: ParkedReason }
  | { code: 'paused'; reason: string | null; by: string | null }
  | { code: 'cooling-down'; reason: string; message: string; seconds: number }
  | { code: 'runs-fail' | 'calls-failing'; failed: number; total: number; minutes: number }
  | { code: 'workers-behind' | 'long-wait'; seconds: number }
  | { code: 'files-broken'; files: number }
  | { code: 'unbounded' }

export type WorkshopCause =
  | { code: 'file-broken' | 'file-gone' }
  | {
      code: 'waiting'
      waiting: number
      withKey: number
      total: number
      seconds: number
      /** Nobody got a key for a minute. */
      stalled: boolean
      /** A code of engine or mint; null where nothing stands in the way but the queue. */
      why: string | null
    }
  | { code: 'limits-refused' | 'missing' | 'disabled' | 'limit-used'; keys: number }
  | { code: 'unbound'; keys: number; ready: number; error: string | null }
  | { code: 'refused'; claims: number; total: number; reason: string | null; detail: string | null }
  | { code: 'overrun'; amount: MoneyView }
  | { code: 'full'; seats: number }
  | { code: 'turned-away'; count: number; reasons: TurnedAway[]; full: boolean; minutes: number }

/** Judged in alerts.server.ts, beside the rows that they are read from. */
export type MoneyCause =
  | {
      code: 'pool-80'
      percent: number
      committed: MoneyView
      limit: MoneyView
      spent: MoneyView | null
      roomForKeys: number
    }
  | { code: 'pool-passed'; committed: MoneyView; limit: MoneyView; over: MoneyView }
  | { code: 'keys-over-limit'; keys: number; over: MoneyView }
  | {
      code: 'credits-low'
      level: CreditsLow
      left: MoneyView
      promised: MoneyView
      claimable: MoneyView
    }
  | { code: 'credits-unread'; error: string }
  | { code: 'usage-stale'; error: string | null }
  | { code: 'drift'; open: number }

export type Cause = EngineCause | WorkshopCause | MoneyCause
export type CauseCode = Cause['code']
export type Finding<C extends Cause = Cause> = C & {
  severity: Severity
  help: Help
  /** Since when it is so, where that is known. */
  since: string | null
  /** For whom; null where it is for everybody. */
  workshop: { slug: string; title: string } | null
  /** Time of the reading behind it; null where it is as of now. */
  asOf: string | null
}
/** Worst finding first. */
export type Health = { severity: Severity; reasons: Finding[] }

export type TurnedAway = { reason: string; count: number }

export type EngineFacts = {
  workersSeen: number
  quietSeconds: number | null
  provisioningEnabled: boolean
  parked: { since: string; reason: ParkedReason } | null
  paused: { since: string; by: string | null; reason: string | null } | null
  cooling: { reason: string; message: string; seconds: number } | null
  /** Jobs of the last minutes whose newest run failed: what was made good meanwhile is no failure. */
  runs: { failed: number; total: number; minutes: number }
  /** The same for calls that make keys. */
  calls: { failed: number; total: number; minutes: number }
  oldestDueSeconds: number | null
  /** People who wait for their first key. */
  waiting: number
  openWorkshops: number
  brokenFiles: number
  /** A workshop that is open or coming has neither a pool nor a number of keys. */
  unbounded: boolean
}

export type WorkshopFacts = {
  broken: boolean
  fileGone: boolean
  window: 'upcoming' | 'open' | 'closed' | null
  total: number
  pending: number
  ready: number
  refused: number
  refusedReason: string | null
  refusedDetail: string | null
  unbound: number
  unboundSeconds: number | null
  setAside: number
  bindError: string | null
  disabled: number
  missing: number
  overLimit: number
  overrun: NanoUsd
  poolPassed: boolean
  seats: number
  seatsLeft: number | null
  oldestWaitSeconds: number | null
  delayReason: string | null
  /** Whether somebody got a key within `stalledSeconds`. */
  keyLately: boolean
  turnedAway: TurnedAway[]
}

const slowSeconds = 20
const stuckSeconds = 90
/** Nobody got a key for so long, while somebody waits for as long. */
export const stalledSeconds = 60
const longDueSeconds = 15
const veryLongDueSeconds = 60
/** Rates look back so far, so that they end with their cause; fewer calls than these say nothing. */
export const rateMinutes = 3
const enoughCalls = 10
export const turnedAwayMinutes = 30

const everybody = { since: null, workshop: null, asOf: null }
/** What stands in the way of all keys, worst first. */
export function judgeEngine(facts: EngineFacts): Finding[] {
  const found: Finding[] = []
  const add = (severity: Severity, help: Help, cause: EngineCause, since: string | null = null) =>
    void found.push({ ...everybody, severity, help, since, ...cause })
  if (facts.workersSeen === 0)
    add('error', 'outside', { code: 'no-worker', quietSeconds: facts.quietSeconds })
  if (facts.parked)
    add(
      'error',
      'press',
      { code: 'account-parked', reason: facts.parked.reason },
      facts.parked.since,
    )
  if (!facts.provisioningEnabled)
    add(facts.openWorkshops > 0 ? 'error' : 'warning', 'outside', { code: 'switched-off' })
  if (facts.paused) {
    const { since, ...pause } = facts.paused
    add('warning', 'press', { code: 'paused', ...pause }, since)
  }
  if (facts.cooling)
    add(facts.waiting > 0 ? 'error' : 'warning', 'waits', {
      code: 'cooling-down',
      ...facts.cooling,
    })
  const stopped = found.length > 0
  addRate(add, 'calls-failing', facts.calls)
  addRate(add, 'runs-fail', facts.runs)
  const due = facts.oldestDueSeconds ?? 0
  // Behind a pause or without a worker a wait is no surprise.
  if (!stopped && due >= longDueSeconds)
    add(due >= veryLongDueSeconds ? 'error' : 'warning', 'outside', {
      code: due >= veryLongDueSeconds ? 'workers-behind' : 'long-wait',
      seconds: due,
    })
  if (facts.brokenFiles > 0)
    add('error', 'outside', { code: 'files-broken', files: facts.brokenFiles })
  if (facts.unbounded) add('warning', 'outside', { code: 'unbounded' })
  return inOrder(found)
}

function addRate(
  add: (severity: Severity, help: Help, cause: EngineCause) => void,
  code: 'runs-fail' | 'calls-failing',
  rate: EngineFacts['calls'],
): void {
  if (rate.total < enoughCalls || rate.failed * 10 < rate.total) return
  add(rate.failed * 2 >= rate.total ? 'error' : 'warning', 'waits', { code, ...rate })
}

/** What is wrong in one workshop. `engine` says why its people wait. */
export function judgeWorkshop(
  workshop: { slug: string; title: string },
  facts: WorkshopFacts,
  engine: Finding[],
): Finding[] {
  const found: Finding[] = []
  const add = (severity: Severity, help: Help, cause: WorkshopCause) =>
    void found.push({ ...everybody, workshop, severity, help, ...cause })
  const running = facts.window === 'open' || facts.window === 'upcoming'
  if (facts.broken) add('error', 'outside', { code: 'file-broken' })
  if (facts.fileGone) add('warning', 'outside', { code: 'file-gone' })
  addWaiting(add, facts, engine)
  if (facts.refused > 0 && running) {
    const wanted = facts.pending + facts.ready + facts.refused
    add(facts.refused * 2 >= wanted ? 'error' : 'warning', 'press', {
      code: 'refused',
      claims: facts.refused,
      total: wanted,
      reason: facts.refusedReason,
      detail: facts.refusedDetail,
    })
  }
  if (facts.setAside > 0) add('error', 'press', { code: 'limits-refused', keys: facts.setAside })
  const retrying = facts.unbound - facts.setAside
  // A key is assigned a moment after it was made.
  if (retrying > 0 && (facts.bindError !== null || (facts.unboundSeconds ?? 0) > slowSeconds))
    add(retrying * 2 >= facts.ready ? 'error' : 'warning', 'waits', {
      code: 'unbound',
      keys: retrying,
      ready: facts.ready,
      error: facts.bindError,
    })
  if (facts.missing > 0) add('error', 'press', { code: 'missing', keys: facts.missing })
  if (facts.disabled > 0) add('warning', 'none', { code: 'disabled', keys: facts.disabled })
  if (facts.overrun > 0n)
    add('warning', 'none', { code: 'overrun', amount: moneyView(facts.overrun) })
  addTurnedAway(add, facts)
  if (facts.overLimit > 0) add('ok', 'none', { code: 'limit-used', keys: facts.overLimit })
  return inOrder(found)
}

type AddToWorkshop = (severity: Severity, help: Help, cause: WorkshopCause) => void

const whyOf: Partial<Record<CauseCode, string>> = {
  'no-worker': 'no-worker',
  'account-parked': 'parked',
  'switched-off': 'switched-off',
  paused: 'paused',
}

function addWaiting(add: AddToWorkshop, facts: WorkshopFacts, engine: Finding[]): void {
  const seconds = facts.oldestWaitSeconds
  if (facts.pending === 0 || seconds === null) return
  const blocked = engine.find((one) => one.code in whyOf || one.code === 'cooling-down')
  const stalled = seconds >= stalledSeconds && !facts.keyLately
  if (seconds <= slowSeconds && !blocked) return
  add(
    stalled || seconds > stuckSeconds || blocked?.severity === 'error' ? 'error' : 'warning',
    blocked?.help ?? 'waits',
    {
      code: 'waiting',
      waiting: facts.pending,
      withKey: facts.ready,
      total: facts.pending + facts.ready + facts.refused,
      seconds,
      stalled,
      why:
        blocked?.code === 'cooling-down'
          ? blocked.reason
          : blocked
            ? (whyOf[blocked.code] ?? null)
            : facts.delayReason,
    },
  )
}

const ours = new Set(['full', 'paused', 'switched-off'])

// A person who may not claim is an answer; one who could have had a key is a loss.
function addTurnedAway(add: AddToWorkshop, facts: WorkshopFacts): void {
  const full = facts.window !== 'closed' && facts.seatsLeft === 0 && !facts.poolPassed
  const count = facts.turnedAway.reduce((sum, one) => sum + one.count, 0)
  if (full && count === 0) add('ok', 'none', { code: 'full', seats: facts.seats })
  if (count === 0) return
  const lost = facts.turnedAway.some(({ reason }) => ours.has(reason))
  const isOpen = facts.window === 'open'
  add(lost && isOpen ? 'warning' : 'ok', lost && isOpen ? 'outside' : 'none', {
    code: 'turned-away',
    count,
    reasons: facts.turnedAway,
    full,
    minutes: turnedAwayMinutes,
  })
}

export function healthOf(findings: Finding[]): Health {
  const reasons = inOrder(findings)
  return { severity: reasons[0]?.severity ?? 'ok', reasons }
}

/** The worst of what matters; null while nothing is wrong. */
export function worstOf(findings: Finding[]): Finding | null {
  const worst = inOrder(findings)[0]
  return worst && worst.severity !== 'ok' ? worst : null
}

/** What staff should not miss on any page: it has a headline of its own. */
export type BannerCause = MoneyCause | Extract<EngineCause, { code: 'account-parked' }>

const bannerCodes: ReadonlySet<CauseCode> = new Set<BannerCause['code']>([
  'account-parked',
  'pool-80',
  'pool-passed',
  'keys-over-limit',
  'credits-low',
  'credits-unread',
  'usage-stale',
  'drift',
])

export const isBanner = (finding: Finding): finding is Finding<BannerCause> =>
  bannerCodes.has(finding.code)
