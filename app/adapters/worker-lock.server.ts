/**
 * Which worker is gone. Each worker holds an advisory lock on a session that does nothing else:
 * Postgres frees it the moment the process ends, and whoever finds it free takes over the jobs that
 * the worker held (keymint.job_holders). A worker that lost only this session lives on: what it
 * still does is fenced by the job's retry count and the mint's token, as after a missed heartbeat.
 * A frozen process keeps its lock, and a session that cannot be opened holds none: both keep the
 * heartbeat's bound (docs/decisions/025).
 */
import pg from 'pg'
import { withoutPrismaParameters } from './db.server'

export type WorkerLock = { stop(): Promise<void> }
type LockEvents = {
  onTakeover: (worker: string, jobs: number) => void
  onLost: (error: unknown) => void
}

const lockClass = 7_126_202
const lookEveryMs = 300
/** A lock is free twice before its worker counts as gone: one that reconnects is faster. */
const lookAgainMs = 300
/** What ended this session may have ended those of others, who come back as this one does. */
const trustAfterLossMs = 3_000
const retryMs = 250

// A machine that is cut off keeps its sessions for so long, where nothing in between answers for it.
const sessionOptions = [
  'tcp_keepalives_idle=3',
  'tcp_keepalives_interval=2',
  'tcp_keepalives_count=3',
  'tcp_user_timeout=10000',
  'statement_timeout=5000',
  'idle_in_transaction_session_timeout=5000',
]
  .map((option) => `-c ${option}`)
  .join(' ')

/** Holds the lock until it is stopped, and watches those of other workers. Never throws. */
export async function holdWorkerLock(
  url: string,
  workerId: string,
  events: LockEvents,
): Promise<WorkerLock> {
  const stopped = new AbortController()
  const firstTry = Promise.withResolvers<void>()
  const running = keepSession()
  await firstTry.promise
  return {
    async stop() {
      stopped.abort()
      await running
    },
  }

  async function keepSession(): Promise<void> {
    let lost = false
    while (!stopped.signal.aborted) {
      const client = sessionOf(url)
      const ended = endOf(client)
      const alive = AbortSignal.any([stopped.signal, ended])
      try {
        await client.connect()
        await takeLock(client, workerId)
        firstTry.resolve()
        if (lost) await pause(trustAfterLossMs, alive)
        while (!alive.aborted) {
          await takeOverGone(client, workerId, alive, events)
          await pause(lookEveryMs, alive)
        }
        if (!stopped.signal.aborted) throw ended.reason as Error
      } catch (error) {
        events.onLost(error)
        firstTry.resolve()
        lost = true
        await pause(retryMs, stopped.signal)
      } finally {
        await client.end().catch(() => undefined)
      }
    }
  }
}

function sessionOf(url: string): pg.Client {
  return new pg.Client({
    connectionString: withoutPrismaParameters(url),
    application_name: 'keymint-worker-lock',
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    options: sessionOptions,
  })
}

/** Aborted as soon as the session is known to be lost. */
function endOf(client: pg.Client): AbortSignal {
  const ended = new AbortController()
  client.on('error', (error) => ended.abort(error))
  client.on('end', () => ended.abort(new Error('the session has ended')))
  return ended.signal
}

async function takeLock(client: pg.Client, workerId: string): Promise<void> {
  await client.query('select pg_advisory_lock($1, hashtext($2))', [lockClass, workerId])
  await client.query(
    `update keymint.workers set locked = true, gone_at = null, taken_over_by = null, jobs_taken_over = null
     where id = $1`,
    [workerId],
  )
}

async function takeOverGone(
  client: pg.Client,
  workerId: string,
  alive: AbortSignal,
  events: LockEvents,
): Promise<void> {
  const suspects = await freeLocks(client, workerId)
  if (suspects.length === 0) return
  await pause(lookAgainMs, alive)
  const gone = (await freeLocks(client, workerId)).filter((worker) => suspects.includes(worker))
  for (const worker of gone) {
    const jobs = await takeOver(client, worker, workerId)
    if (jobs !== null) events.onTakeover(worker, jobs)
  }
}

async function freeLocks(client: pg.Client, workerId: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `with watched as materialized (select id from keymint.workers where locked and id <> $2)
      select id from watched where pg_try_advisory_xact_lock($1, hashtext(id))`,
    [lockClass, workerId],
  )
  return rows.map(({ id }) => id)
}

/**
 * All jobs that the worker holds may run now, at whichever worker fetches them first; whether the
 * worker still works on one is settled by its retry count. The lock is held meanwhile, so one
 * worker does this. Null when there was nothing to take over after all.
 */
async function takeOver(client: pg.Client, gone: string, by: string): Promise<number | null> {
  await client.query('begin')
  try {
    const { rows } = await client.query<{ taken: number | null }>(takeOverStatement, [
      lockClass,
      gone,
      by,
    ])
    await client.query('commit')
    return rows[0]?.taken ?? null
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

// The channel is pg-boss's own name for its schema. A worker that hears nothing looks within 2 s.
const takeOverStatement = `
  with gone as materialized (
    select id from keymint.workers where id = $2 and locked and pg_try_advisory_xact_lock($1, hashtext(id))
      for update),
  held as (
    delete from keymint.job_holders h using gone where h.worker = gone.id
      returning h.job_id, h.job_name, h.retry_count),
  taken as (
    update pgboss.job j set state = 'retry', start_after = now(), heartbeat_on = null from held h
    where j.name = h.job_name and j.id = h.job_id and j.state = 'active' and j.retry_count = h.retry_count
      and j.retry_count < j.retry_limit
    returning j.name),
  told as (
    select count(pg_notify('pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24), name)) as channels
      from (select distinct name from taken) names),
  marked as (
    update keymint.workers w set locked = false, gone_at = now(), taken_over_by = $3,
      jobs_taken_over = (select count(*) from taken), current_jobs = '[]' from gone where w.id = gone.id
    returning w.jobs_taken_over)
  select jobs_taken_over as taken from marked, told`

/** Ends early, and without an error, when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
