/** What /admin/alerts shows: open alerts, channels with their last message, the newest messages. */
import type { ChannelName, Recipient } from '~/adapters/alert-channels.server'
import { Prisma, type Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { messageOf, staffAudience, type AlertSeverity, type Message, type Notice } from './alert'
import { isQuietAt } from './send.server'

export type OpenAlert = Notice & { id: string; openedAt: string; goneAt: string | null }

export type DeliveryState = 'held' | 'waiting' | 'sent' | 'failed' | 'digested'
export type DeliveryView = Message & {
  channel: ChannelName
  /** A host or a mail address: nothing secret. */
  place: string
  state: DeliveryState
  tries: number
  nextAt: string
  /** A process sends it right now. */
  sending: boolean
  answeredAt: string | null
  status: number | null
  reason: string | null
  answer: string | null
  ranMs: number | null
}

export type ChannelView = Recipient & { place: string; last: DeliveryView | null }

export type AlertsView = {
  asOf: string
  open: OpenAlert[]
  channels: ChannelView[]
  failed: number
  deliveries: DeliveryView[]
  quietHours: { text: string; now: boolean } | null
}

const maxShown = 50

type Row = {
  id: string
  audience: string
  alertId: string | null
  event: string
  severity: string
  createdAt: Date
  notice: unknown
  channel: ChannelName
  address: string
  state: DeliveryState
  tries: number
  nextAt: Date
  sending: boolean
  answeredAt: Date | null
  status: number | null
  reason: string | null
  answer: string | null
  ranMs: number | null
}

const columns = Prisma.sql`
  d.id, d.audience, d.alert_id as "alertId", d.event, d.severity, d.created_at as "createdAt", d.notice, d.channel,
  d.address, d.state, d.tries, d.next_at as "nextAt", coalesce(d.lease_until > keymint.now(), false) as sending,
  d.answered_at as "answeredAt", d.status, d.reason, d.answer, d.ran_ms as "ranMs"`

export async function readAlertsView(ctx: Ctx): Promise<AlertsView> {
  const { staff, quietHours } = ctx.alerts
  const [[clock], open, newest, failed, last] = await Promise.all([
    ctx.db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`,
    ctx.db.alert.findMany({
      where: { audience: staffAudience, state: 'open' },
      orderBy: { openedAt: 'asc' },
    }),
    ctx.db.$queryRaw<Row[]>`
      select ${columns} from keymint.alert_deliveries d where d.audience = ${staffAudience}
      order by d.created_at desc, d.id limit ${maxShown}::int`,
    ctx.db.alertDelivery.count({ where: { audience: staffAudience, state: 'failed' } }),
    ctx.db.$queryRaw<Row[]>`
      select distinct on (d.channel, d.address) ${columns} from keymint.alert_deliveries d
      where d.audience = ${staffAudience} and d.state in ('waiting', 'sent', 'failed')
      order by d.channel, d.address, d.created_at desc, d.id`,
  ])
  const now = clock?.now ?? ctx.now()
  const views = newest.map((row) => viewOf(row, ctx.alerts.placeOf(row)))
  return {
    asOf: now.toISOString(),
    open: open.map((row) => ({
      id: row.id,
      kind: row.kind,
      subject: row.subject,
      threshold: row.threshold,
      severity: row.severity as AlertSeverity,
      facts: row.facts as object,
      openedAt: (row.openedAt ?? now).toISOString(),
      goneAt: row.goneAt?.toISOString() ?? null,
      resolvedAt: null,
    })),
    channels: staff.map((to) => {
      const row = last.find((one) => one.channel === to.channel && one.address === to.address)
      return {
        ...to,
        place: ctx.alerts.placeOf(to),
        last: row ? viewOf(row, ctx.alerts.placeOf(row)) : null,
      }
    }),
    failed,
    deliveries: views,
    quietHours: quietHours && { text: quietHours.text, now: isQuietAt(ctx, now) },
  }
}

function viewOf(row: Row, place: string): DeliveryView {
  const { channel, state, tries, sending, status, reason, answer, ranMs } = row
  return {
    ...messageOf(row),
    channel,
    place,
    state,
    tries,
    sending,
    status,
    reason,
    answer,
    ranMs,
    nextAt: row.nextAt.toISOString(),
    answeredAt: row.answeredAt?.toISOString() ?? null,
  }
}

/** The newest to these addresses of one audience; `places` says where each is, by address. */
export async function readDeliveries(
  ctx: Pick<Ctx, 'db'>,
  audience: string,
  places: Map<string, string>,
): Promise<DeliveryView[]> {
  const rows = await ctx.db.$queryRaw<Row[]>`
    select ${columns} from keymint.alert_deliveries d
    where d.audience = ${audience} and d.address = any(${[...places.keys()]}::text[])
    order by d.created_at desc, d.id limit ${maxShown}::int`
  return rows.map((row) => viewOf(row, places.get(row.address) ?? ''))
}

/** What a person was told, and what is said about them: nothing of it is left. */
export async function forgetPerson(tx: Tx, userId: string): Promise<void> {
  await tx.$executeRaw`
    delete from keymint.alert_deliveries where address = ${`user:${userId}`}`
  await tx.$executeRaw`delete from keymint.alerts where facts ->> 'userId' = ${userId}`
}

const keepDays = 90

/** Alerts and messages that nobody looks for any more. */
export async function deleteOldAlerts(ctx: Ctx): Promise<number> {
  const deliveries = await ctx.db.$executeRaw`
    delete from keymint.alert_deliveries where state in ('sent', 'failed', 'digested')
      and created_at < keymint.now() - make_interval(days => ${keepDays}::int)`
  const alerts = await ctx.db.$executeRaw`
    delete from keymint.alerts a where a.state = 'resolved'
      and a.resolved_at < keymint.now() - make_interval(days => ${keepDays}::int)
      and not exists (select 1 from keymint.alert_deliveries d where d.alert_id = a.id)`
  return deliveries + alerts
}
