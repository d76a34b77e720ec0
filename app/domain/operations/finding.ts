/**
 * What the judgement can find, as codes and values, and which of it comes first. Pure.
 * judgement.ts finds it; messages/ has the sentences.
 */
import type { ParkedReason } from '../keys/accounts.server'
import type { MoneyView } from '../money-view'
import type { CreditsLow } from './money-judgement'
import type { QueueStakes } from './paused-queues.server'

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
  /** `due`: jobs of it that would run now, as many as are counted. */
  | {
      code: 'queue-paused'
      queue: string
      reason: string
      by: string
      stakes: QueueStakes
      due: number
    }
  | { code: 'cooling-down'; reason: string; message: string; seconds: number }
  | { code: 'runs-fail' | 'calls-failing'; failed: number; total: number; minutes: number }
  | { code: 'workers-behind' | 'long-wait'; seconds: number }
  | { code: 'files-broken'; files: number }
  | { code: 'unbounded'; slugs: string[] }
  /** `hours` since the newest one that was made; null where none was. */
  | { code: 'backup-failed'; error: string; hours: number | null }
  /** `error` where the newest try failed, too. */
  | { code: 'backup-late'; hours: number; error: string | null }

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
/** Of equal severity, what keeps most people from what they came for comes first. */
const order: CauseCode[] = [
  'waiting',
  'refused',
  'no-worker',
  'account-parked',
  'switched-off',
  'paused',
  'queue-paused',
  'cooling-down',
  'file-broken',
  'files-broken',
  'credits-low',
  'pool-passed',
  'limits-refused',
  'unbound',
  'calls-failing',
  'runs-fail',
  'workers-behind',
  'missing',
  'turned-away',
  'pool-80',
  'backup-late',
  'backup-failed',
]
const severities: Severity[] = ['error', 'warning', 'ok']
const place = (code: CauseCode) => (order.includes(code) ? order.indexOf(code) : order.length)
const sizeOf = (finding: Finding) => (finding.code === 'waiting' ? finding.waiting : 0)

export function inOrder(findings: Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      place(a.code) - place(b.code) ||
      sizeOf(b) - sizeOf(a),
  )
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

const stoppers: ReadonlySet<CauseCode> = new Set([
  'no-worker',
  'account-parked',
  'switched-off',
  'paused',
])

/** Nobody gets a key while it is so: an event that has not begun cannot begin. */
const stopsKeys = (finding: Finding): boolean =>
  stoppers.has(finding.code) || (finding.code === 'queue-paused' && finding.stakes === 'keys')

/** For an event to come, what stops keys is an error before anybody waits. */
export const readinessSeverity = (finding: Finding): Severity =>
  stopsKeys(finding) ? 'error' : finding.severity

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
