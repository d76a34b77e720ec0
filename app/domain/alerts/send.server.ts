/**
 * Deliveries as rows: one for each receiver, with its job, in the transaction that decides. Quiet
 * hours hold back all but errors; one digest for each receiver tells the rest afterwards.
 */
import type { Recipient } from '~/adapters/alert-channels.server'
import type { Tx } from '~/adapters/db.server'
import { isQuiet } from '~/quiet-hours'
import type { Ctx } from '../ctx'
import {
  maxTries,
  staffAudience,
  type AlertEvent,
  type Audience,
  type Digest,
  type Notice,
} from './alert'

export type Sending = { ctx: Ctx; tx: Tx; audience: Audience; now: Date; quiet: boolean }

export const isQuietAt = (ctx: Pick<Ctx, 'alerts'>, at: Date): boolean =>
  ctx.alerts.quietHours !== null && isQuiet(ctx.alerts.quietHours, at)

/** The deployment's quiet hours are those of its staff. */
export const isQuietFor = (ctx: Pick<Ctx, 'alerts'>, audience: string, at: Date): boolean =>
  audience === staffAudience && isQuietAt(ctx, at)

/** A digest names at most so many; the page has the rest. */
const maxItems = 50

export async function sendNotice(
  sending: Sending,
  alertId: string,
  event: 'raised' | 'worse' | 'resolved',
  notice: Notice,
): Promise<void> {
  const held = sending.quiet && notice.severity !== 'error'
  const { recipients } = sending.audience
  for (const to of typeof recipients === 'function' ? recipients(event, notice) : recipients)
    await insertDelivery(sending, to, {
      alertId,
      event,
      severity: notice.severity,
      threshold: notice.threshold,
      notice,
      state: held ? 'held' : 'waiting',
    })
}

export type NewDelivery = {
  alertId: string | null
  event: AlertEvent
  severity: string
  threshold: string
  notice: object
  state: 'held' | 'waiting'
}

/** Null where this step was told this receiver before. */
export async function insertDelivery(
  { ctx, tx, audience, now }: Omit<Sending, 'quiet'>,
  to: Recipient,
  { alertId, event, severity, threshold, notice, state }: NewDelivery,
): Promise<string | null> {
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    insert into keymint.alert_deliveries (alert_id, audience, event, channel, address, severity, threshold, notice,
      state, max_tries, created_at, next_at)
    values (${alertId}::uuid, ${audience.name}, ${event}, ${to.channel}, ${to.address}, ${severity}, ${threshold},
      ${JSON.stringify(notice)}::jsonb, ${state}, ${maxTries}::int, ${now}::timestamptz, ${now}::timestamptz)
    on conflict (alert_id, event, threshold, channel, address) where alert_id is not null do nothing
    returning id`
  if (!row) return null
  if (state === 'waiting') await enqueueDelivery(ctx, tx, row.id)
  return row.id
}

export const enqueueDelivery = (ctx: Ctx, tx: Tx, id: string, startAfterSeconds = 0) =>
  ctx.queue.enqueue(
    tx,
    'deliver-alert',
    { deliveryId: id },
    { singletonKey: id, ...(startAfterSeconds > 0 ? { startAfterSeconds } : {}) },
  )

/** After quiet hours: what was held back, as one message for each receiver. */
export async function releaseHeld(sending: Sending): Promise<void> {
  const { tx, audience, quiet } = sending
  if (quiet) return
  type Held = Recipient & {
    id: string
    alertId: string
    event: 'raised' | 'worse' | 'resolved'
    notice: Notice
  }
  const held = await tx.$queryRaw<Held[]>`
    select id, alert_id as "alertId", event, channel, address, notice from keymint.alert_deliveries
    where audience = ${audience.name} and state = 'held' order by created_at, id for update skip locked`
  const receivers = new Map<string, Held[]>()
  for (const one of held) {
    const key = `${one.channel} ${one.address}`
    receivers.set(key, [...(receivers.get(key) ?? []), one])
  }
  for (const all of receivers.values()) {
    const items = all.map(({ alertId, event, notice }) => ({ ...notice, alertId, event }))
    const digest: Digest = { items: items.slice(-maxItems) }
    const id = await insertDelivery(sending, all[0]!, {
      alertId: null,
      event: 'digest',
      severity: 'warning',
      threshold: '',
      notice: digest,
      state: 'waiting',
    })
    await tx.$executeRaw`
      update keymint.alert_deliveries set state = 'digested', digest_id = ${id}::uuid
      where id = any(${all.map((one) => one.id)}::uuid[])`
  }
}
