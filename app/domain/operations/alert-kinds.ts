/**
 * What staff are told about, from the one judgement: which finding is which kind of alert, its
 * thresholds, and how long it must last. Pure. A kind more is a line here and its sentence in
 * messages/alert-posts.ts.
 */
import type { AlertSeverity, Condition } from '../alerts/alert'
import type { MoneyView } from '../money-view'
import type { Finding } from './judgement'

export type StaffAlertKind =
  | 'opened'
  | 'no-keys'
  | 'turned-away'
  | 'claims-refused'
  | 'pool'
  | 'credits'
  | 'provider'
  | 'unassigned-keys'
  | 'drift'
  | 'no-worker'
  | 'backup'
  | 'paused-queue'

export type OpenedFacts = {
  title: string
  /** Null where claims never close. */
  closesAt: string | null
  seats: number | null
  pool: MoneyView | null
  withKey: number
  total: number
}
export type StaffAlertFacts = { finding: Finding } | { opened: OpenedFacts }

/** A workshop whose claims are open now. */
export type OpenWorkshop = OpenedFacts & { slug: string; openSeconds: number }

type Lasting = { holdSeconds: number; clearSeconds: number }

/** A blip of the provider, or the restart of a worker, is told to nobody. */
const lasting: Record<StaffAlertKind, Lasting> = {
  // Of two processes that have read different files one finds it open, and the other does not.
  opened: { holdSeconds: 0, clearSeconds: 60 },
  'no-keys': { holdSeconds: 0, clearSeconds: 60 },
  'turned-away': { holdSeconds: 0, clearSeconds: 60 },
  'claims-refused': { holdSeconds: 30, clearSeconds: 60 },
  pool: { holdSeconds: 0, clearSeconds: 120 },
  credits: { holdSeconds: 0, clearSeconds: 120 },
  provider: { holdSeconds: 30, clearSeconds: 120 },
  'unassigned-keys': { holdSeconds: 60, clearSeconds: 60 },
  drift: { holdSeconds: 0, clearSeconds: 60 },
  'no-worker': { holdSeconds: 30, clearSeconds: 60 },
  backup: { holdSeconds: 0, clearSeconds: 60 },
  // Whoever resumes it at once, or pauses one that is empty, surprises nobody.
  'paused-queue': { holdSeconds: 60, clearSeconds: 60 },
}

/** One that opened longer ago is no surprise: Keymint was updated, or did not run. */
const openedWithinSeconds = 3_600
const longStallSeconds = 600

type Step = { kind: StaffAlertKind; threshold: string; rank: number }

export function conditionsOf(findings: Finding[], open: OpenWorkshop[]): Condition[] {
  const worst = new Map<string, Condition>()
  for (const finding of findings) {
    const step = finding.severity === 'ok' ? null : stepOf(finding)
    if (!step) continue
    const condition = conditionOf(step, finding.severity, subjectOf(finding), { finding })
    const key = `${condition.kind} ${condition.subject}`
    const known = worst.get(key)
    if (!known || known.rank < condition.rank) worst.set(key, condition)
  }
  return [...worst.values(), ...open.map(openedCondition)]
}

/** Queues are told one by one, whatever else is paused. */
const subjectOf = (finding: Finding): string =>
  finding.code === 'queue-paused' ? finding.queue : (finding.workshop?.slug ?? '')

function conditionOf(
  { kind, threshold, rank }: Step,
  severity: AlertSeverity,
  subject: string,
  facts: StaffAlertFacts,
): Condition {
  return { kind, threshold, rank, severity, subject, facts, ...lasting[kind] }
}

function openedCondition({ slug, openSeconds, ...opened }: OpenWorkshop): Condition {
  const step = { kind: 'opened', threshold: 'open', rank: 1 } as const
  return {
    ...conditionOf(step, 'ok', slug, { opened }),
    mayRaise: openSeconds < openedWithinSeconds,
  }
}

/** Null for what staff see on their pages and are not called for. */
function stepOf(finding: Finding): Step | null {
  switch (finding.code) {
    case 'no-worker':
      return { kind: 'no-worker', threshold: 'none', rank: 1 }
    case 'waiting':
      if (!finding.stalled) return null
      return finding.seconds < longStallSeconds
        ? { kind: 'no-keys', threshold: '1m', rank: 1 }
        : { kind: 'no-keys', threshold: '10m', rank: 2 }
    case 'turned-away': {
      const rank = finding.count >= 100 ? 3 : finding.count >= 10 ? 2 : 1
      return { kind: 'turned-away', threshold: String(10 ** (rank - 1)), rank }
    }
    case 'refused':
      return finding.severity === 'error'
        ? { kind: 'claims-refused', threshold: 'half', rank: 2 }
        : { kind: 'claims-refused', threshold: 'some', rank: 1 }
    case 'pool-80':
      return finding.roomForKeys > 0
        ? { kind: 'pool', threshold: '80', rank: 1 }
        : { kind: 'pool', threshold: 'spent', rank: 2 }
    case 'pool-passed':
      return { kind: 'pool', threshold: 'passed', rank: 3 }
    case 'credits-low':
      return finding.level === 'below-claimable'
        ? { kind: 'credits', threshold: finding.level, rank: 1 }
        : { kind: 'credits', threshold: finding.level, rank: 2 }
    case 'calls-failing':
    case 'cooling-down':
      return { kind: 'provider', threshold: 'failing', rank: 1 }
    case 'account-parked':
      return { kind: 'provider', threshold: 'parked', rank: 2 }
    case 'unbound':
      return finding.severity === 'error'
        ? { kind: 'unassigned-keys', threshold: 'half', rank: 2 }
        : { kind: 'unassigned-keys', threshold: 'some', rank: 1 }
    case 'limits-refused':
      return { kind: 'unassigned-keys', threshold: 'refused', rank: 3 }
    case 'drift':
      return { kind: 'drift', threshold: 'some', rank: 1 }
    case 'backup-failed':
      return { kind: 'backup', threshold: 'failed', rank: 1 }
    case 'backup-late':
      return { kind: 'backup', threshold: 'late', rank: 2 }
    case 'queue-paused':
      if (finding.due === 0) return null
      return finding.stakes === null
        ? { kind: 'paused-queue', threshold: 'work', rank: 1 }
        : {
            kind: 'paused-queue',
            threshold: finding.stakes,
            rank: finding.stakes === 'limits' ? 3 : 2,
          }
    case 'switched-off':
    case 'paused':
    case 'runs-fail':
    case 'workers-behind':
    case 'long-wait':
    case 'files-broken':
    case 'file-broken':
    case 'file-gone':
    case 'unbounded':
    case 'missing':
    case 'disabled':
    case 'limit-used':
    case 'overrun':
    case 'full':
    case 'keys-over-limit':
    case 'credits-unread':
    case 'usage-stale':
      return null
  }
}
