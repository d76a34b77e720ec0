/**
 * What the pages of the queue show. Everything here may reach a browser of staff: ids, names,
 * codes, never a secret.
 */
import type { PaceView } from '../../keys/pace'
import type { Tone } from '../../../tone'
import type { GateView, WorkerView } from '../../operations/engine.server'
import type { Finding } from '../../operations/judgement'
import type { CancelMeans } from './job-kinds'

export type { GateView, WorkerView }
export type { JobName } from '~/adapters/job-catalog'

/**
 * Where a job is. A failed one has ended without success; `dead` is among the dead letters.
 */
export type JobState = 'waiting' | 'running' | 'retrying' | 'failed' | 'done' | 'cancelled' | 'dead'
export const jobTabs = [
  'unfinished',
  'waiting',
  'running',
  'retrying',
  'failed',
  'done',
  'cancelled',
  'dead',
] as const
export type JobTab = (typeof jobTabs)[number]

/** The filter of the page, as its address has it. Times are ISO. */
export type QueueFilter = {
  tab: JobTab
  job?: string
  workshop?: string
  /** A name, an email, or the beginning of an id: of a job, a mint or a claim. */
  text?: string
  /** A fingerprint. */
  error?: string
  since?: string
  until?: string
  /** Run at least so many times. */
  runs?: number
  /** Where the page continues: "<created_on>~<id>". */
  after?: string
}

export type JobRow = {
  id: string
  name: string
  state: JobState
  createdAt: string
  /** When it may run next, for one that waits. */
  runsAt: string | null
  startedAt: string | null
  endedAt: string | null
  runs: number
  /** Why it waits, or how it failed. */
  reason: string | null
  errorGroup: string | null
  /** A running job whose heartbeat is overdue. */
  stuck: boolean
  mintId: string | null
  claim: { id: string; workshop: string; person: string | null; userId: string } | null
  workshop: string | null
  can: { retry: boolean; cancel: boolean; redrive: boolean }
}

/** A count that stops: `more` means that there are more than so many. */
export type CappedCount = { count: number; more: boolean }

export type JobList = {
  rows: JobRow[]
  /** For `after`; null on the last page. */
  next: string | null
  /** How many of the jobs that were searched match. */
  matches: CappedCount
  /** Set when only so many of the newest jobs were searched. */
  lookedThrough: number | null
}

export type ErrorGroup = {
  fingerprint: string
  class: string
  message: string | null
  status: number | null
  jobNames: string[]
  count: number
  firstSeen: string
  lastSeen: string
  sampleJobId: string
  sampleMessage: string
  /** Jobs that wait for it to pass, or have failed because of it. */
  jobsNow: CappedCount
}

export type Health = {
  tone: Tone
  /** What matters most; null while jobs run without delay. */
  finding: Finding | null
  gate: GateView
  pausedQueues: { name: string; since: string; by: string; reason: string }[]
  /** Calls that make keys at once at the deployment's own account, and why so many. */
  calls: PaceView
  /** Jobs of the last minutes, and how many of them failed in their newest run. */
  recent: { runs: number; errors: number }
  /** Of those that may run now. */
  oldestWaiting: { id: string; name: string; since: string; seconds: number } | null
  workers: WorkerView[]
  workerSeenSecondsAgo: number | null
}

/**
 * One step of time: runs per minute, and seconds within which half and 95 of 100 of them waited and
 * ran.
 */
export type ThroughputPoint = {
  at: string
  done: number
  failed: number
  snooze: number
  wait: Quantiles
  run: Quantiles
}
export type Quantiles = { p50: number | null; p95: number | null }
export type Throughput = {
  span: ThroughputSpan
  job: string
  from: string
  to: string
  stepSeconds: number
  points: ThroughputPoint[]
  total: { done: number; failed: number; snooze: number; wait: Quantiles; run: Quantiles }
}
export type ThroughputSpan = 'hour' | 'day'

export type QueuePage = {
  filter: QueueFilter
  counts: Record<JobTab, CappedCount>
  list: JobList
  errors: ErrorGroup[]
  health: Health
  jobNames: string[]
  workshops: { slug: string; title: string }[]
  asOf: string
}

export type JobRunView = {
  run: number
  workerId: string | null
  startedAt: string
  endedAt: string
  seconds: number
  outcome: 'done' | 'retry' | 'snooze' | 'failed'
  reason: string | null
  errorGroup: string | null
  httpStatus: number | null
  nextRunAt: string | null
}
export type ProviderCallView = {
  id: string
  name: string
  state: string
  outcome: string | null
  httpStatus: number | null
  sentAt: string
  settledAt: string | null
  deletedAt: string | null
}

export type JobPage = {
  job: JobRow & {
    payload: [string, string][]
    cancel: CancelMeans
    /** Whose key it makes, where it makes one. */
    holderKind: string | null
    source: { name: string; id: string | null } | null
    priorRunsLost: number
  }
  runs: JobRunView[]
  calls: ProviderCallView[]
  asOf: string
}
