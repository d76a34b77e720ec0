/**
 * The one judgement: what is wrong now, for whom, since when, why, and what helps. Pure: facts in,
 * codes and values out. Overview, banners, queue page, readiness page, alerts and metrics read it and
 * judge nothing themselves; messages/ has the sentences.
 */
import type { NanoUsd } from '~/money'
import type { ParkedReason } from '../keys/accounts.server'
import { moneyView } from '../money-view'
import { addTurnedAway } from './judge-turned-away'
import {
  inOrder,
  type CauseCode,
  type EngineCause,
  type Finding,
  type Help,
  type Severity,
  type TurnedAway,
  type WorkshopCause,
} from './finding'
import type { LastBackups } from './backup.server'
import type { PausedQueue, QueueStakes } from './paused-queues.server'

export * from './finding'

export type EngineFacts = {
  workersSeen: number
  quietSeconds: number | null
  provisioningEnabled: boolean
  parked: { since: string; reason: ParkedReason } | null
  paused: { since: string; by: string | null; reason: string | null } | null
  pausedQueues: (PausedQueue & { stakes: QueueStakes })[]
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
  /** Workshops, open or coming, with neither a pool nor a number of keys. */
  unbounded: string[]
  backups: LastBackups
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
/** One is due every 24 hours; a run may take its time. */
export const maxBackupHours = 26

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
  for (const { name: queue, since, ...pause } of facts.pausedQueues)
    add(
      pause.stakes === 'limits' ? 'error' : 'warning',
      'press',
      { code: 'queue-paused', queue, ...pause },
      since,
    )
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
  if (facts.unbounded.length > 0)
    add('warning', 'outside', { code: 'unbounded', slugs: facts.unbounded })
  addBackup(add, facts.backups)
  return inOrder(found)
}

/** Where none was ever tried, nobody asked for any. */
function addBackup(add: AddToEngine, { made, error }: LastBackups): void {
  const hours = made && Math.floor(made.ageMs / 3_600_000)
  if (hours !== null && hours >= maxBackupHours)
    add('warning', 'outside', { code: 'backup-late', hours, error })
  else if (error !== null) add('warning', 'outside', { code: 'backup-failed', error, hours })
}

type AddToEngine = (severity: Severity, help: Help, cause: EngineCause) => void

function addRate(
  add: AddToEngine,
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

export type AddToWorkshop = (severity: Severity, help: Help, cause: WorkshopCause) => void

const waitCodes: Partial<Record<CauseCode, string>> = {
  'no-worker': 'no-worker',
  'account-parked': 'parked',
  'switched-off': 'switched-off',
  paused: 'paused',
}

/** Why people wait where it stands in the way of all keys; null where it does not. */
function whyOf(finding: Finding): string | null {
  if (finding.code === 'cooling-down') return finding.reason
  if (finding.code === 'queue-paused') return finding.queue === 'mint-key' ? finding.code : null
  return waitCodes[finding.code] ?? null
}

function addWaiting(add: AddToWorkshop, facts: WorkshopFacts, engine: Finding[]): void {
  const seconds = facts.oldestWaitSeconds
  if (facts.pending === 0 || seconds === null) return
  const blocked = engine.find((one) => whyOf(one) !== null)
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
      why: blocked ? whyOf(blocked) : facts.delayReason,
    },
  )
}
