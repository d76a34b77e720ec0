/**
 * Runs a schedule at once. Guarantee: never beside another run of it, and never twice for two
 * presses: the job that waits is brought forward, and a second one is sent only where none waits or
 * runs.
 */
import { schedules, type JobName } from '~/adapters/job-catalog'
import { recordAudit } from '../../audit/audit.server'
import type { Ctx } from '../../ctx'

export type ScheduledName = Extract<
  JobName,
  | 'sweep'
  | 'chain-audit'
  | 'read-accounts'
  | 'reconcile-check'
  | 'reading-retention'
  | 'make-backup'
  | 'retention'
  | 'roll-months'
>

export const isScheduled = (name: string): name is ScheduledName =>
  schedules.some((schedule) => schedule.name === (name as JobName))

export type RunNowOutcome = 'starts' | 'running' | 'paused' | 'ran-just-now'

/** A run that ended so lately says the same again. */
const tooSoonSeconds = 10

export async function runNow(
  ctx: Ctx,
  input: { name: ScheduledName; actorUserId: string },
): Promise<RunNowOutcome> {
  const { name, actorUserId } = input
  return ctx.db.$transaction(async (tx): Promise<RunNowOutcome> => {
    // Two presses one after the other: the second sees what the first has sent.
    await tx.$queryRaw`select pg_advisory_xact_lock(hashtext(${`run-now:${name}`}))::text`
    const [now] = await tx.$queryRaw<
      { paused: boolean; running: boolean; lately: boolean; waiting: string | null }[]
    >`
      select exists (select 1 from keymint.paused_queues where name = ${name}) as paused,
        exists (select 1 from pgboss.job where name = ${name} and state = 'active') as running,
        exists (select 1 from keymint.audit_events where action = 'schedule.run-now'
          and subject = ${`schedule:${name}`}
          and at > clock_timestamp() - make_interval(secs => ${tooSoonSeconds}::int)) as lately,
        (select id::text from pgboss.job where name = ${name} and state in ('created', 'retry')
          order by start_after limit 1) as waiting`
    if (now?.paused) return 'paused'
    if (now?.running) return 'running'
    if (now?.lately) return 'ran-just-now'
    const started = now?.waiting
      ? await ctx.queue.runAfter(tx, name, now.waiting, 0)
      : (await ctx.queue.enqueue(tx, name, {})) === 'queued'
    // A worker took it between the two statements.
    if (!started) return 'running'
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'schedule.run-now',
      subject: `schedule:${name}`,
      details: { job: name },
    })
    return 'starts'
  })
}
