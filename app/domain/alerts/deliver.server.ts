/**
 * One try of one delivery. A lease in its row says who sends it, so that a job and a web process
 * without workers never send it at once. A process that dies after it has sent leaves the lease to
 * run out: the receiver then gets the same delivery id a second time.
 */
import type { AlertPost, ChannelName, PostAnswer, Target } from '~/adapters/alert-channels.server'
import { Prisma } from '~/adapters/db.server'
import { noLiveJob } from '~/adapters/live-job.server'
import type { Ctx } from '../ctx'
import type { JobOutcome } from '../job-outcome'
import { backoffSeconds, messageOf, staffAudience, type Message, type Notice } from './alert'
import { enqueueDelivery } from './send.server'

/** Makes the sentences; handed in, as the domain has none. */
export type Compose = (message: Message) => AlertPost

export type Addressed = {
  audience: string
  channel: ChannelName
  address: string
  /** Null for a test. */
  notice: Notice | null
}
/** Where a team's message goes, asked at every try; null where nobody is told it any more. */
export type Reach = (ctx: Ctx, to: Addressed) => Promise<Target | null>
/** Handed in: what a message says, and who it may go to by now. */
export type Delivering = { compose: Compose; reach: Reach }

/** Longer than any channel takes for a try. */
const leaseSeconds = 60
const maxPerRound = 20

type Leased = {
  id: string
  alertId: string | null
  audience: string
  event: string
  severity: string
  createdAt: Date
  channel: ChannelName
  address: string
  notice: unknown
  tries: number
  maxTries: number
}

export async function deliver(ctx: Ctx, id: string, delivering: Delivering): Promise<JobOutcome> {
  const [row] = await ctx.db.$queryRaw<Leased[]>`
    update keymint.alert_deliveries set tries = tries + 1,
      lease_until = keymint.now() + make_interval(secs => ${leaseSeconds}::int)
    where id = ${id}::uuid and state = 'waiting' and (lease_until is null or lease_until <= keymint.now())
    returning id, alert_id as "alertId", audience, event, severity, created_at as "createdAt", channel, address, notice,
      tries, max_tries as "maxTries"`
  if (!row) return whyNot(ctx, id)
  const startedAt = performance.now()
  const answer = await sendOnce(ctx, row, delivering)
  const ranMs = Math.round(performance.now() - startedAt)
  const isOver = answer.failure !== null && (!answer.mayRetry || row.tries >= row.maxTries)
  const state = answer.failure === null ? 'sent' : isOver ? 'failed' : 'waiting'
  const seconds = backoffSeconds(row.tries)
  // A try that outlived its lease was followed by another one: only the newest is recorded.
  await ctx.db.$executeRaw`
    update keymint.alert_deliveries set state = ${state}, lease_until = null, answered_at = keymint.now(),
      status = ${answer.status}::int, reason = ${answer.failure}, answer = ${answer.text || null},
      ran_ms = ${ranMs}::int, next_at = keymint.now() + make_interval(secs => ${seconds}::int)
    where id = ${id}::uuid and state = 'waiting' and tries = ${row.tries}::int`
  ctx.metrics.countAlert(row.channel, state === 'waiting' ? 'retry' : state)
  if (answer.failure === null) return { kind: 'done' }
  const error = {
    reason: answer.failure,
    ...(answer.status === null ? {} : { status: answer.status }),
  }
  ctx.log.warn(
    { delivery: id, channel: row.channel, ...error, tries: row.tries, state },
    'an alert could not be delivered',
  )
  return isOver
    ? { kind: 'done', error }
    : { kind: 'snooze', seconds, reason: answer.failure, error }
}

const unsent = (failure: PostAnswer['failure']): PostAnswer => ({
  failure,
  mayRetry: false,
  status: null,
  text: '',
})

async function sendOnce(
  ctx: Ctx,
  row: Leased,
  { compose, reach }: Delivering,
): Promise<PostAnswer> {
  const to = await targetOf(ctx, row, reach)
  if (!to) return unsent('not-configured')
  const post = composed(ctx, row, compose)
  return post ? ctx.alerts.send(to, post) : unsent('unreadable')
}

/** Who was taken out of the environment, or left the team, since is told nothing more. */
async function targetOf(ctx: Ctx, row: Leased, reach: Reach): Promise<Target | null> {
  const { audience, channel, address } = row
  if (audience !== staffAudience)
    return reach(ctx, {
      audience,
      channel,
      address,
      notice: row.alertId === null ? null : (row.notice as Notice),
    })
  return ctx.alerts.staff.find((one) => one.channel === channel && one.address === address) ?? null
}

/** Null where an older version stored it in a way that this one cannot read. */
function composed(ctx: Ctx, row: Leased, compose: Compose): AlertPost | null {
  try {
    return compose(messageOf(row))
  } catch (error) {
    ctx.log.error({ error, delivery: row.id }, 'an alert could not be put into sentences')
    return null
  }
}

/** It is over, or another process sends it right now. */
async function whyNot(ctx: Ctx, id: string): Promise<JobOutcome> {
  const [row] = await ctx.db.$queryRaw<{ seconds: number }[]>`
    select greatest(1, ceil(extract(epoch from lease_until - keymint.now())))::int as seconds
    from keymint.alert_deliveries where id = ${id}::uuid and state = 'waiting'`
  return row ? { kind: 'snooze', seconds: row.seconds ?? 1, reason: 'in-flight' } : { kind: 'done' }
}

/** Sends what is due, where no worker does. Their number. */
export async function deliverDue(ctx: Ctx, delivering: Delivering): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.alert_deliveries where state = 'waiting' and next_at <= keymint.now()
      and (lease_until is null or lease_until <= keymint.now()) order by next_at limit ${maxPerRound}::int`
  await Promise.all(due.map(({ id }) => deliver(ctx, id, delivering)))
  return due.length
}

/** For the sweep: deliveries whose job was lost. */
export async function sendDeliveriesAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string; seconds: number }[]>`
    select d.id, greatest(0, ceil(extract(epoch from d.next_at - keymint.now())))::int as seconds
    from keymint.alert_deliveries d
    where d.state = 'waiting' and d.created_at < keymint.now() - interval '5 s'
      and ${noLiveJob(Prisma.sql`j.name = 'deliver-alert' and j.singleton_key = d.id::text`)}
    order by d.next_at limit ${maxPerRound}::int`
  for (const { id, seconds } of lost)
    await ctx.db.$transaction((tx) => enqueueDelivery(ctx, tx, id, seconds))
  return lost.length
}
