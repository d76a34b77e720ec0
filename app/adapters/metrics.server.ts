/**
 * Counters and gauges for Prometheus. Labels are names from our code (a job, a call, a route's
 * pattern, a workshop), never a person, an address or a key.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { KeyProvider } from './key-provider'
import { isProviderError } from './provider-error'

export type QueueGauge = {
  queue: string
  ready: number
  deferred: number
  active: number
  failed: number
  oldestSeconds: number
}
export type PoolGauge = {
  workshop: string
  committedUsd: number
  limitUsd: number | null
  seats: number
  maxSeats: number | null
}
export type Gauges = {
  queues: QueueGauge[]
  pools: PoolGauge[]
  /** What the judgement finds wrong: how many findings of each code and severity. */
  findings: { code: string; severity: string; count: number }[]
  alertsOpen: number
  alertsWaiting: number
  alertsFailed: number
  mintsWaiting: number
  oldestMintSeconds: number
  workers: number
  unboundKeys: number
  mintingPaused: boolean
  gateClosed: boolean
}

export type Metrics = {
  /** "queued", "already-claimed", or why not. */
  countClaim(outcome: string): void
  /** What became of one POST /keys: "saved", "lost", "snoozed", "refused", "unknown". */
  countMint(outcome: string): void
  /** Keys whose bind ended as "bound", "again" or "set-aside". */
  countBinds(outcome: string, keys: number): void
  /** "done", "retry", "snooze" or "crashed". */
  countJob(queue: string, outcome: string): void
  /** One try to deliver an alert: "sent", "retry" or "failed". */
  countAlert(channel: string, outcome: string): void
  observeUpstream(call: string, outcome: string, seconds: number): void
  observeRequest(method: string, route: string, status: number, seconds: number): void
  /** The database's current values, or null when it did not answer, so that none goes stale. */
  setGauges(gauges: Gauges | null): void
  /** The text that Prometheus reads. */
  scrape(): Promise<{ contentType: string; text: string }>
}

const upstreamBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 12]
const requestBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** One per process, beside everything else that `runtime.server.ts` makes. */
export function createMetrics(): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers })

  const claims = counter('keymint_claims_total', 'Claims asked for, by outcome.', ['outcome'])
  const mints = counter(
    'keymint_mints_total',
    'Calls of POST /keys for a mint, by what became of them.',
    ['outcome'],
  )
  const binds = counter(
    'keymint_binds_total',
    'Keys that were to be assigned to their guardrail, by outcome.',
    ['outcome'],
  )
  const jobs = counter(
    'keymint_jobs_total',
    'Runs of jobs, by queue and outcome; retry and snooze come again.',
    ['queue', 'outcome'],
  )
  const alerts = counter(
    'keymint_alert_tries_total',
    'Tries to deliver an alert, by channel and outcome; retry comes again.',
    ['channel', 'outcome'],
  )
  const upstream = new Histogram({
    name: 'keymint_upstream_seconds',
    help: 'Calls to the provider, by call and outcome ("ok", or the reason and status).',
    labelNames: ['call', 'outcome'],
    buckets: upstreamBuckets,
    registers,
  })
  const requests = new Histogram({
    name: 'keymint_http_request_seconds',
    help: 'Requests answered, by method, pattern of the route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: requestBuckets,
    registers,
  })

  // New for each reading, so that no value of an earlier reading remains.
  let database = new Registry()

  return {
    countClaim: (outcome) => claims.inc({ outcome }),
    countMint: (outcome) => mints.inc({ outcome }),
    countBinds: (outcome, keys) => binds.inc({ outcome }, keys),
    countJob: (queue, outcome) => jobs.inc({ queue, outcome }),
    countAlert: (channel, outcome) => alerts.inc({ channel, outcome }),
    observeUpstream: (call, outcome, seconds) => upstream.observe({ call, outcome }, seconds),
    observeRequest: (method, route, status, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    setGauges: (gauges) => void (database = databaseRegistry(gauges)),
    scrape: async () => ({
      contentType: registry.contentType,
      text: `${await registry.metrics()}\n${await database.metrics()}`,
    }),
  }
}

function databaseRegistry(gauges: Gauges | null): Registry {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  const labelled = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers })
  const single = (name: string, help: string, value: number) =>
    new Gauge({ name, help, registers }).set(value)
  single(
    'keymint_database_up',
    'Whether the database answered this scrape; if not, the gauges below are missing.',
    gauges ? 1 : 0,
  )
  if (!gauges) return registry
  single('keymint_mints_waiting', 'Claims that wait for their key.', gauges.mintsWaiting)
  single(
    'keymint_mints_oldest_seconds',
    'How long the longest of them waits.',
    gauges.oldestMintSeconds,
  )
  single('keymint_keys_unbound', 'Live keys without their guardrail.', gauges.unboundKeys)
  single('keymint_workers', 'Worker processes seen lately.', gauges.workers)
  single(
    'keymint_minting_paused',
    '1 while staff have paused minting.',
    gauges.mintingPaused ? 1 : 0,
  )
  single(
    'keymint_mint_gate_closed',
    '1 while all workers hold back from the provider.',
    gauges.gateClosed ? 1 : 0,
  )
  single('keymint_alerts_open', 'Alerts that are open.', gauges.alertsOpen)
  single(
    'keymint_alert_deliveries_waiting',
    'Messages about alerts that are not delivered yet.',
    gauges.alertsWaiting,
  )
  single(
    'keymint_alert_deliveries_failed',
    'Messages of the last day whose delivery failed for good.',
    gauges.alertsFailed,
  )
  const findings = labelled(
    'keymint_findings',
    'What is wrong now, as the pages for staff say it, by code and severity.',
    ['code', 'severity'],
  )
  for (const { count, ...labels } of gauges.findings) findings.set(labels, count)
  const jobs = labelled(
    'keymint_queue_jobs',
    'Jobs by queue and state, as pg-boss last counted them.',
    ['queue', 'state'],
  )
  const oldest = labelled(
    'keymint_queue_oldest_ready_seconds',
    'Age of the oldest job that could run now, by queue.',
    ['queue'],
  )
  for (const { queue, oldestSeconds, ...counts } of gauges.queues) {
    for (const [state, jobCount] of Object.entries(counts)) jobs.set({ queue, state }, jobCount)
    oldest.set({ queue }, oldestSeconds)
  }
  const committed = labelled(
    'keymint_pool_committed_usd',
    'Reserved or spent of a workshop’s pool.',
    ['workshop'],
  )
  const limit = labelled('keymint_pool_limit_usd', 'The pool of a workshop.', ['workshop'])
  const seats = labelled('keymint_pool_seats', 'Seats taken in a workshop.', ['workshop'])
  const maxSeats = labelled('keymint_pool_max_seats', 'Seats there are in a workshop.', [
    'workshop',
  ])
  for (const pool of gauges.pools) {
    const { workshop } = pool
    committed.set({ workshop }, pool.committedUsd)
    seats.set({ workshop }, pool.seats)
    if (pool.limitUsd !== null) limit.set({ workshop }, pool.limitUsd)
    if (pool.maxSeats !== null) maxSeats.set({ workshop }, pool.maxSeats)
  }
  return registry
}

/** The same provider, every call of it measured by its name. What fails fails as before. */
export function measured(
  provider: KeyProvider,
  metrics: Pick<Metrics, 'observeUpstream'>,
): KeyProvider {
  const timed = async <Answer>(name: string, call: () => Promise<Answer>): Promise<Answer> => {
    const startedAt = performance.now()
    let outcome = 'ok'
    try {
      return await call()
    } catch (error) {
      outcome = isProviderError(error)
        ? `${error.details.reason}${error.details.status ? ` ${error.details.status}` : ''}`
        : 'bug'
      throw error
    } finally {
      metrics.observeUpstream(name, outcome, (performance.now() - startedAt) / 1000)
    }
  }
  /** A list that comes page by page: each page is a call. */
  async function* eachTimed(name: string, pages: AsyncIterable<unknown>) {
    const iterator = pages[Symbol.asyncIterator]()
    try {
      for (;;) {
        const page = await timed(name, () => iterator.next())
        if (page.done === true) return
        yield page.value
      }
    } finally {
      await iterator.return?.()
    }
  }
  type Answer = Promise<unknown> | AsyncIterable<unknown>
  const calls = Object.entries(provider) as [string, (...args: unknown[]) => Answer][]
  const wrapped = calls.map(
    ([name, call]) =>
      [
        name,
        (...args: unknown[]) => {
          const answer = call(...args)
          return Symbol.asyncIterator in answer
            ? eachTimed(name, answer)
            : timed(name, () => answer)
        },
      ] as const,
  )
  return Object.fromEntries(wrapped) as unknown as KeyProvider
}
