/**
 * Pausing a queue. Guarantee: from the commit on, no worker fetches a job of it, and none of its
 * jobs is lost however long the pause lasts; triggers on pg-boss's table hold both
 * (prisma/migrate.ts). Jobs that run already finish.
 */
import { catalog, type JobName } from '~/adapters/job-catalog'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'

/**
 * What stands still that somebody relies on: `keys` are not made, or `limits` are not enforced. Such
 * a queue is paused only by whoever types its name.
 */
export type QueueStakes = 'keys' | 'limits' | null

const stakes: Partial<Record<JobName, QueueStakes>> = {
  'mint-key': 'keys',
  'mint-service-key': 'keys',
  'apply-key': 'limits',
  'stop-at-cap': 'limits',
  'bind-guardrail': 'limits',
  'read-account': 'limits',
  'read-accounts': 'limits',
  sweep: 'limits',
}

export const stakesOf = (name: string): QueueStakes => stakes[name as JobName] ?? null

export const isQueue = (name: string): name is JobName => Object.hasOwn(catalog, name)

/** `due`: jobs of it that would run now, counted up to `maxDue`. */
export type PausedQueue = { name: string; since: string; by: string; reason: string; due: number }
const maxDue = 1_000

/** Longest pause first. Of a queue that this build does not have nothing is held, and nothing said. */
export async function readPausedQueues(ctx: Pick<Ctx, 'db'>): Promise<PausedQueue[]> {
  const rows = await ctx.db.$queryRaw<
    { name: string; since: Date; by: string; reason: string; due: number }[]
  >`
    select p.name, p.paused_at as since, p.reason,
      (select count(*)::int from (select 1 from pgboss.job j where j.name = p.name
        and j.state in ('created', 'retry') and j.start_after <= now() limit ${maxDue}::int) due) as due,
      coalesce(a.display_name, regexp_replace(p.paused_by, '^user:', '')) as by
    from keymint.paused_queues p
    left join keymint.attendees a on 'user:' || a.user_id = p.paused_by
    where p.name = any(${Object.keys(catalog)}) order by p.paused_at, p.name`
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }))
}

export type PauseOutcome = 'paused' | 'reason-changed' | 'name-not-typed'

/** Pausing again replaces the reason and keeps the time. `typed` is what the person typed. */
export async function pauseQueue(
  ctx: Ctx,
  input: { name: JobName; actorUserId: string; reason: string; typed: string },
): Promise<PauseOutcome> {
  const { name, actorUserId, reason } = input
  if (stakesOf(name) !== null && input.typed.trim() !== name) return 'name-not-typed'
  return ctx.db.$transaction(async (tx) => {
    const [row] = await tx.$queryRaw<{ fresh: boolean }[]>`
      insert into keymint.paused_queues as p (name, paused_by, reason)
        values (${name}, ${`user:${actorUserId}`}, ${reason})
      on conflict (name) do update set reason = excluded.reason, paused_by = excluded.paused_by
      returning xmax = 0 as fresh`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'queue.paused',
      subject: `queue:${name}`,
      details: { job: name, reason },
    })
    return row?.fresh ? 'paused' : 'reason-changed'
  })
}

/** Workers continue by their next poll, within two seconds. False when it was not paused. */
export async function resumeQueue(
  ctx: Ctx,
  input: { name: JobName; actorUserId: string },
): Promise<boolean> {
  const { name, actorUserId } = input
  return ctx.db.$transaction(async (tx) => {
    const [was] = await tx.$queryRaw<{ reason: string }[]>`
      delete from keymint.paused_queues where name = ${name} returning reason`
    if (!was) return false
    // The pause alone kept jobs that have waited for longer than pg-boss keeps them.
    await tx.$executeRaw`
      update pgboss.job set keep_until = greatest(keep_until, now() + interval '14 days')
      where name = ${name} and state in ('created', 'retry')`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'queue.resumed',
      subject: `queue:${name}`,
      details: { job: name, reason: was.reason },
    })
    return true
  })
}
