/** What people ask for by hand: a test of one channel, and another try of a delivery that failed. */
import type { Recipient } from '~/adapters/alert-channels.server'
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { maxTries, staffAudience } from './alert'
import { enqueueDelivery, insertDelivery } from './send.server'

/** Sends a test to this recipient, whatever the hour. Audited. Null where it is not configured. */
export async function sendTest(
  ctx: Ctx,
  actorUserId: string,
  to: Recipient,
): Promise<string | null> {
  const known = ctx.alerts.staff.find(
    (one) => one.channel === to.channel && one.address === to.address,
  )
  if (!known) return null
  return ctx.db.$transaction((tx) =>
    sendTestIn(ctx, tx, { actorUserId, audience: staffAudience, to: known, about: {} }),
  )
}

/** The same in the caller's transaction, which says that it may be; `scope` is the audience's. */
export async function sendTestIn(
  ctx: Ctx,
  tx: Tx,
  test: { actorUserId: string; audience: string; to: Recipient; about: object; scope?: string },
): Promise<string | null> {
  const { actorUserId, audience, to, about, scope } = test
  const [clock] = await tx.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  const now = clock?.now ?? ctx.now()
  const id = await insertDelivery(
    { ctx, tx, now, audience: { name: audience, recipients: [to] } },
    to,
    {
      alertId: null,
      event: 'test',
      severity: 'ok',
      threshold: '',
      notice: about,
      state: 'waiting',
    },
  )
  await recordAudit(tx, {
    actor: `user:${actorUserId}`,
    action: 'alert.test-sent',
    subject: `delivery:${id}`,
    ...(scope === undefined ? {} : { scope }),
    details: { channel: to.channel },
  })
  return id
}

export type RetryOutcome = 'retrying' | 'not-failed'

/** Tries a failed delivery again, under the same delivery id. Audited. */
export function retryDelivery(ctx: Ctx, actorUserId: string, id: string): Promise<RetryOutcome> {
  return ctx.db.$transaction((tx) =>
    retryIn(ctx, tx, { actorUserId, audience: staffAudience, id, addresses: null }),
  )
}

/** The same in the caller's transaction: one of this audience, to one of `addresses` unless null. */
export async function retryIn(
  ctx: Ctx,
  tx: Tx,
  retry: {
    actorUserId: string
    audience: string
    id: string
    addresses: string[] | null
    scope?: string
  },
): Promise<RetryOutcome> {
  const { actorUserId, audience, id, addresses, scope } = retry
  const retried = await tx.$executeRaw`
    update keymint.alert_deliveries set state = 'waiting', max_tries = tries + ${maxTries}::int,
      next_at = keymint.now(), lease_until = null
    where id = ${id}::uuid and audience = ${audience} and state = 'failed'
      and (${addresses}::text[] is null or address = any(${addresses}::text[]))`
  if (retried === 0) return 'not-failed'
  await enqueueDelivery(ctx, tx, id)
  await recordAudit(tx, {
    actor: `user:${actorUserId}`,
    action: 'alert.retried',
    subject: `delivery:${id}`,
    ...(scope === undefined ? {} : { scope }),
  })
  return 'retrying'
}
