/**
 * From what holds now to what people are told: raises, tells again at a higher threshold, resolves.
 * All of it in the caller's transaction, with the jobs that deliver it.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import {
  clearAfter,
  flapHours,
  type AlertSeverity,
  type Audience,
  type Condition,
  type Notice,
} from './alert'
import { isQuietFor, releaseHeld, sendNotice, type Sending } from './send.server'

type Row = {
  id: string
  kind: string
  subject: string
  threshold: string
  rank: number
  severity: AlertSeverity
  state: 'pending' | 'open'
  facts: object
  clearSeconds: number
  seenAt: Date
  openedAt: Date | null
  goneAt: Date | null
}

const severities: AlertSeverity[] = ['ok', 'warning', 'error']
const keyOf = ({ kind, subject }: { kind: string; subject: string }) => `${kind} ${subject}`
const secondsBetween = (from: Date, to: Date) => (to.getTime() - from.getTime()) / 1000

/** Two at once take turns at the rows; what one has raised, the other finds. */
export async function trackConditions(
  ctx: Ctx,
  tx: Tx,
  audience: Audience,
  conditions: Condition[],
): Promise<void> {
  const [clock] = await tx.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  const now = clock?.now ?? ctx.now()
  const sending: Sending = { ctx, tx, audience, now, quiet: isQuietFor(ctx, audience.name, now) }
  const rows = await tx.$queryRaw<Row[]>`
    select id, kind, subject, threshold, rank, severity, state, facts, clear_seconds as "clearSeconds",
      seen_at as "seenAt", opened_at as "openedAt", gone_at as "goneAt"
    from keymint.alerts where audience = ${audience.name} and state <> 'resolved'
    order by kind, subject for update`
  const live = new Map(rows.map((row) => [keyOf(row), row]))
  const holding = new Map(conditions.map((one) => [keyOf(one), one]))
  for (const condition of holding.values()) {
    const row = live.get(keyOf(condition)) ?? (await insertPending(sending, condition))
    if (!row) continue
    if (row.state === 'open') await keepOpen(sending, row, condition)
    else if (secondsBetween(row.seenAt, now) >= condition.holdSeconds)
      await open(sending, row, condition)
  }
  for (const row of rows) if (!holding.has(keyOf(row))) await clear(sending, row)
  await releaseHeld(sending)
}

async function insertPending(
  { tx, audience, now }: Sending,
  condition: Condition,
): Promise<Row | null> {
  if (condition.mayRaise === false) return null
  const { kind, subject, threshold, rank, severity, clearSeconds } = condition
  const [row] = await tx.$queryRaw<Row[]>`
    insert into keymint.alerts (audience, kind, subject, threshold, rank, severity, state, facts, clear_seconds,
      seen_at)
    values (${audience.name}, ${kind}, ${subject}, ${threshold}, ${rank}::int, ${severity}, 'pending',
      ${JSON.stringify(condition.facts)}::jsonb, ${clearSeconds}::int, ${now}::timestamptz)
    on conflict (audience, kind, subject) where state <> 'resolved' do nothing
    returning id, kind, subject, threshold, rank, severity, state, facts, clear_seconds as "clearSeconds",
      seen_at as "seenAt", opened_at as "openedAt", gone_at as "goneAt"`
  return row ?? null
}

async function open(sending: Sending, row: Row, condition: Condition): Promise<void> {
  const { tx, audience, now } = sending
  const { kind, subject, threshold, rank, severity } = condition
  const [flaps] = await tx.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from keymint.alerts
    where audience = ${audience.name} and kind = ${kind} and subject = ${subject} and state = 'resolved'
      and opened_at > ${now}::timestamptz - make_interval(hours => ${flapHours}::int)`
  const clearSeconds = clearAfter(condition.clearSeconds, flaps?.count ?? 0)
  await tx.$executeRaw`
    update keymint.alerts set state = 'open', opened_at = ${now}::timestamptz, threshold = ${threshold},
      rank = ${rank}::int, severity = ${severity}, facts = ${JSON.stringify(condition.facts)}::jsonb,
      clear_seconds = ${clearSeconds}::int where id = ${row.id}::uuid`
  await sendNotice(sending, row.id, 'raised', noticeOf(condition, now))
}

async function keepOpen(sending: Sending, row: Row, condition: Condition): Promise<void> {
  const { tx } = sending
  const worse =
    condition.rank > row.rank ||
    severities.indexOf(condition.severity) > severities.indexOf(row.severity)
  const { threshold, rank, severity } = worse ? condition : row
  await tx.$executeRaw`
    update keymint.alerts set gone_at = null, threshold = ${threshold}, rank = ${rank}::int,
      severity = ${severity}, facts = ${JSON.stringify(condition.facts)}::jsonb where id = ${row.id}::uuid`
  if (worse) await sendNotice(sending, row.id, 'worse', noticeOf(condition, row.openedAt))
}

/** What never lasted long enough is forgotten; what was told is resolved once it stays away. */
async function clear(sending: Sending, row: Row): Promise<void> {
  const { tx, now } = sending
  if (row.state === 'pending') {
    await tx.$executeRaw`delete from keymint.alerts where id = ${row.id}::uuid`
    return
  }
  const goneAt = row.goneAt ?? now
  if (secondsBetween(goneAt, now) < row.clearSeconds) {
    await tx.$executeRaw`update keymint.alerts set gone_at = ${goneAt}::timestamptz where id = ${row.id}::uuid`
    return
  }
  await tx.$executeRaw`
    update keymint.alerts set state = 'resolved', gone_at = ${goneAt}::timestamptz,
      resolved_at = ${now}::timestamptz where id = ${row.id}::uuid`
  await sendNotice(sending, row.id, 'resolved', noticeOf(row, row.openedAt, goneAt))
}

const noticeOf = (
  { kind, subject, threshold, severity, facts }: Condition | Row,
  openedAt: Date | null,
  goneAt: Date | null = null,
): Notice => ({
  kind,
  subject,
  threshold,
  severity,
  facts,
  openedAt: openedAt?.toISOString() ?? null,
  resolvedAt: goneAt?.toISOString() ?? null,
})
