/**
 * How a workshop and the whole system are doing, judged from facts. Pure: facts in, codes and
 * values out; messages/health.ts has the sentences.
 */
import type { NanoUsd } from '~/money'
import { moneyView, type MoneyView } from '../money-view'
import {
  isPoolNearlyCommitted,
  isPoolPassed,
  judgeCredits,
  type CreditsAhead,
  type CreditsLow,
} from './money-judgement'

/** `error`: somebody should do something now. `warning`: not as it should be, and it may pass. */
export type Severity = 'ok' | 'warning' | 'error'

export type HealthCause =
  | WorkshopCause
  | { code: 'no-worker'; quietSeconds: number | null }
  | { code: 'switched-off' }
  | { code: 'paused'; reason: string }
  | { code: 'cooling-down'; seconds: number; reason: string }
  | { code: 'jobs-waiting'; seconds: number; waiting: number }
  | { code: 'calls-failing'; failed: number; total: number; minutes: number }
  | { code: 'files-broken'; files: number }
  | { code: 'credits-unread' }
  | { code: 'unbounded' }
  | {
      code: 'credits-low'
      level: CreditsLow
      left: MoneyView
      promised: MoneyView
      claimable: MoneyView
    }

type WorkshopCause =
  | { code: 'file-broken' | 'file-gone' | 'full' | 'pool-80' }
  | { code: 'person-waiting'; seconds: number }
  | { code: 'limits-refused' | 'missing' | 'disabled' | 'limit-used'; keys: number }
  | { code: 'unbound'; keys: number; error: string | null }
  | { code: 'refused'; claims: number }
  | { code: 'overrun'; amount: MoneyView }
  | { code: 'pool-passed'; committed: MoneyView; limit: MoneyView }

export type Reason = HealthCause & { severity: Severity }
/** Worst reason first. */
export type Health = { severity: Severity; reasons: Reason[] }

export type WorkshopFacts = {
  broken: boolean
  fileGone: boolean
  window: 'upcoming' | 'open' | 'closed' | null
  refused: number
  unbound: number
  setAside: number
  bindError: string | null
  disabled: number
  missing: number
  overLimit: number
  overrun: NanoUsd
  committed: NanoUsd
  poolLimit: NanoUsd | null
  seatsLeft: number | null
  oldestWaitSeconds: number | null
}

export type SystemFacts = {
  workersSeen: number
  workerSeenSecondsAgo: number | null
  provisioningEnabled: boolean
  pausedReason: string | null
  cooling: { reason: string; seconds: number } | null
  oldestWaitSeconds: number | null
  waiting: number
  calls: { total: number; failed: number; minutes: number }
  creditsLeft: NanoUsd | null
  creditsAhead: CreditsAhead
  /** A workshop that is open or coming has neither a pool nor a number of keys. */
  unbounded: boolean
  openWorkshops: number
  brokenFiles: number
}

const slowSeconds = 20
const stuckSeconds = 90
const fewCalls = 5

export function workshopHealth(facts: WorkshopFacts): Health {
  const reasons: Reason[] = []
  const add = (severity: Severity, cause: WorkshopCause) =>
    void reasons.push({ severity, ...cause })
  if (facts.broken) add('error', { code: 'file-broken' })
  if (facts.fileGone) add('warning', { code: 'file-gone' })
  const wait = facts.oldestWaitSeconds
  if (wait !== null && wait > slowSeconds)
    add(waitSeverity(wait), { code: 'person-waiting', seconds: wait })
  if (facts.setAside > 0) add('error', { code: 'limits-refused', keys: facts.setAside })
  const retrying = facts.unbound - facts.setAside
  if (retrying > 0) add('warning', { code: 'unbound', keys: retrying, error: facts.bindError })
  if (facts.missing > 0) add('error', { code: 'missing', keys: facts.missing })
  if (facts.refused > 0) add('warning', { code: 'refused', claims: facts.refused })
  if (facts.disabled > 0) add('warning', { code: 'disabled', keys: facts.disabled })
  if (facts.overrun > 0n) add('warning', { code: 'overrun', amount: moneyView(facts.overrun) })
  if (facts.poolLimit !== null && isPoolPassed(facts.committed, facts.poolLimit))
    add('error', {
      code: 'pool-passed',
      committed: moneyView(facts.committed),
      limit: moneyView(facts.poolLimit),
    })
  else if (facts.window !== 'closed' && facts.seatsLeft === 0) add('warning', { code: 'full' })
  else if (facts.window === 'open' && isPoolNearlyCommitted(facts.committed, facts.poolLimit))
    add('warning', { code: 'pool-80' })
  if (facts.overLimit > 0) add('ok', { code: 'limit-used', keys: facts.overLimit })
  return healthOf(reasons)
}

export function systemHealth(facts: SystemFacts): Health {
  const reasons: Reason[] = []
  const add = (severity: Severity, cause: HealthCause) => void reasons.push({ severity, ...cause })
  if (facts.workersSeen === 0)
    add('error', { code: 'no-worker', quietSeconds: facts.workerSeenSecondsAgo })
  if (!facts.provisioningEnabled)
    add(facts.openWorkshops > 0 ? 'error' : 'warning', { code: 'switched-off' })
  if (facts.pausedReason !== null) add('warning', { code: 'paused', reason: facts.pausedReason })
  if (facts.cooling) add('warning', { code: 'cooling-down', ...facts.cooling })
  const wait = facts.oldestWaitSeconds
  if (wait !== null && wait > slowSeconds)
    add(waitSeverity(wait), { code: 'jobs-waiting', seconds: wait, waiting: facts.waiting })
  const { total, failed } = facts.calls
  if (total >= fewCalls && failed * 20 > total)
    add(failed * 4 > total ? 'error' : 'warning', { code: 'calls-failing', ...facts.calls })
  if (facts.brokenFiles > 0) add('error', { code: 'files-broken', files: facts.brokenFiles })
  if (facts.unbounded) add('warning', { code: 'unbounded' })
  addCredits(add, facts)
  return healthOf(reasons)
}

function addCredits(
  add: (severity: Severity, cause: HealthCause) => void,
  { creditsLeft, creditsAhead }: SystemFacts,
): void {
  if (creditsLeft === null) return add('ok', { code: 'credits-unread' })
  const low = judgeCredits(creditsLeft, creditsAhead)
  if (low)
    add(low.severity, {
      code: 'credits-low',
      level: low.level,
      left: moneyView(creditsLeft),
      promised: moneyView(creditsAhead.promised),
      claimable: moneyView(creditsAhead.claimable),
    })
}

const waitSeverity = (seconds: number) => (seconds > stuckSeconds ? 'error' : 'warning')

const worstFirst: Severity[] = ['error', 'warning', 'ok']

function healthOf(reasons: Reason[]): Health {
  reasons.sort((a, b) => worstFirst.indexOf(a.severity) - worstFirst.indexOf(b.severity))
  return { severity: reasons[0]?.severity ?? 'ok', reasons }
}
