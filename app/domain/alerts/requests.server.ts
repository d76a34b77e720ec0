/** What staff ask for by hand: a test of one channel, and another try of a delivery that failed. */
import type { Recipient } from '~/adapters/alert-channels.server'
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
  return ctx.db.$transaction(async (tx) => {
    const [clock] = await tx.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
    const id = await insertDelivery(
      {
        ctx,
        tx,
        now: clock?.now ?? ctx.now(),
        audience: { name: staffAudience, recipients: [known] },
      },
      known,
      {
        alertId: null,
        event: 'test',
        severity: 'ok',
        threshold: '',
        notice: {},
        state: 'waiting',
      },
    )
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'alert.test-sent',
      subject: `delivery:${id}`,
      details: { channel: known.channel },
    })
    return id
  })
}

/** Tries a failed delivery again, under the same delivery id. Audited. */
export async function retryDelivery(
  ctx: Ctx,
  actorUserId: string,
  id: string,
): Promise<'retrying' | 'not-failed'> {
  return ctx.db.$transaction(async (tx) => {
    const retried = await tx.$executeRaw`
      update keymint.alert_deliveries set state = 'waiting', max_tries = tries + ${maxTries}::int,
        next_at = keymint.now(), lease_until = null
      where id = ${id}::uuid and audience = ${staffAudience} and state = 'failed'`
    if (retried === 0) return 'not-failed'
    await enqueueDelivery(ctx, tx, id)
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'alert.retried',
      subject: `delivery:${id}`,
    })
    return 'retrying'
  })
}
