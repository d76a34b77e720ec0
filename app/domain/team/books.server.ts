/**
 * The ledger of a team for people: a page of postings, and the files. A file is made while it is
 * sent, and audited before its first row, because names of people leave with it.
 */
import { Prisma } from '~/adapters/db.server'
import { nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { teamScope } from '../money/member-lock.server'
import { nextMonth, startOf, type Month } from '../money/month'
import { daysOf, isNamed, type BooksScope } from './months.server'
import { boundsOf, daysIn, type DayRange } from './range.server'

type Posted = {
  id: bigint
  at: Date
  member: string
  /** Of a service account. */
  service: boolean
  kind: string
  from: string
  to: string
  amount: string
  key: string | null
  keyId: string | null
  actor: string
  reason: string | null
}
export type PostingView = Omit<Posted, 'id' | 'at' | 'amount' | 'from' | 'to'> & {
  id: string
  at: string
  amount: MoneyView
}
export type LedgerPage = {
  rows: PostingView[]
  /** The id to ask for older postings with; null on the last page. */
  older: string | null
}

const pageSize = 100

/** A month's postings, newest first, 100 at a time. */
export async function listPostings(
  ctx: Ctx,
  scope: BooksScope,
  month: Month,
  before: string | null,
): Promise<LedgerPage> {
  const olderThan = before !== null && /^\d{1,18}$/.test(before) ? BigInt(before) : null
  const found = await readPostings(
    ctx,
    scope,
    month,
    olderThan === null ? Prisma.empty : Prisma.sql`and t.id < ${olderThan}::bigint`,
    Prisma.sql`desc`,
    pageSize + 1,
  )
  const rows = found.slice(0, pageSize)
  return {
    rows: rows.map(({ id, at, member, service, kind, amount, key, keyId, actor, reason }) => ({
      id: id.toString(),
      at: at.toISOString(),
      member,
      service,
      kind,
      amount: moneyView(nanoFromDecimalString(amount)),
      key,
      keyId,
      actor,
      reason,
    })),
    older: found.length > pageSize ? (rows.at(-1)?.id.toString() ?? null) : null,
  }
}

function readPostings(
  ctx: Ctx,
  { teamId, userId, keysOf }: BooksScope,
  month: Month,
  place: Prisma.Sql,
  order: Prisma.Sql,
  limit: number,
): Promise<Posted[]> {
  return ctx.db.$queryRaw<Posted[]>`
    select t.id, t.at, a.display_name as member, a.auth_provider = 'service' as service, t.kind,
      t.from_account as "from", t.to_account as "to",
      t.amount_usd::text as amount, case when ${isNamed(keysOf)} then k.purpose end as key,
      case when ${isNamed(keysOf)} then t.api_key_id end as "keyId",
      coalesce(p.display_name, case t.actor when 'worker' then 'Keymint' else t.actor end) as actor, t.reason
    from keymint.transactions t join keymint.attendees a on a.user_id = t.user_id
    left join keymint.api_keys k on k.id = t.api_key_id
    left join keymint.attendees p on t.actor = 'user:' || p.user_id
    where t.team_id = ${teamId}::uuid and t.month = ${month}::date
      and (${userId}::text is null or t.user_id = ${userId}) ${place}
    order by t.id ${order} limit ${limit}::int`
}

type Exporter = BooksScope & { slug: string; actorUserId: string }
type Export = Exporter & { month: Month }

async function auditExport(
  ctx: Ctx,
  input: Exporter,
  what: { what: 'ledger' | 'spending' } & Record<string, string>,
): Promise<void> {
  await ctx.db.$transaction((tx) =>
    recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: 'team.books-exported',
      subject: `team:${input.slug}`,
      scope: teamScope(input.slug),
      details: { ...what, of: input.userId === null ? 'all members' : 'own' },
    }),
  )
}

export const ledgerFields = [
  'id',
  'at_utc',
  'month',
  'member',
  'kind',
  'from_account',
  'to_account',
  'amount_usd',
  'key',
  'key_id',
  'actor',
  'reason',
  'member_kind',
] as const
const rowsAtOnce = 2_000

/** Every posting of a month, oldest first; the cells as in `ledgerFields`. */
export async function* exportLedger(ctx: Ctx, input: Export): AsyncGenerator<(string | null)[]> {
  await auditExport(ctx, input, { what: 'ledger', month: input.month })
  let after = 0n
  for (;;) {
    const rows = await readPostings(
      ctx,
      input,
      input.month,
      Prisma.sql`and t.id > ${after}::bigint`,
      Prisma.sql`asc`,
      rowsAtOnce,
    )
    for (const row of rows)
      yield [
        row.id.toString(),
        row.at.toISOString(),
        input.month,
        row.member,
        row.kind,
        row.from,
        row.to,
        row.amount,
        row.key,
        row.keyId,
        row.actor,
        row.reason,
        row.service ? 'service' : 'person',
      ]
    const last = rows.at(-1)
    if (!last || rows.length < rowsAtOnce) return
    after = last.id
  }
}

/**
 * The state of the key `k` as its page says it: "pending" before the first key is made, "replacing"
 * while the next one is, "ready", "ended", and "refused" where none was ever made. A key that worked
 * and whose replacement was refused has ended.
 */
const keyState = (now: Date) => Prisma.sql`case
  when k.state = 'pending' and k.generation > 1 then 'replacing'
  when k.state = 'ready' and k.expires_at <= ${now}::timestamptz then 'ended'
  when k.state = 'refused' and exists (select 1 from keymint.keys f where f.holder_kind = 'sub-key'
    and f.holder_id = k.id and f.saved_at is not null) then 'ended'
  else k.state end`

export const spendingFields = [
  'day_utc',
  'member',
  'member_state',
  'service',
  'key',
  'key_id',
  'key_state',
  'project',
  'member_kind',
  'kind',
  'spent_usd',
] as const

/**
 * What each key spent on each day of a month, or from one day to another, and what was corrected on
 * it, negative where a provider counted too much; the cells as in `spendingFields`.
 */
export async function* exportSpending(
  ctx: Ctx,
  input: Exporter & ({ month: Month } | { range: DayRange }),
): AsyncGenerator<string[]> {
  const { teamId, userId, keysOf } = input
  const days =
    'month' in input
      ? // To the month's end, also of the present one: a machine's clock may have been ahead.
        daysOf(input.month, startOf(nextMonth(input.month)))
      : daysIn({ from: input.range.from, to: boundsOf(input.range, ctx.now()).last })
  await auditExport(
    ctx,
    input,
    'month' in input
      ? { what: 'spending', month: input.month }
      : { what: 'spending', firstDay: input.range.from, lastDay: input.range.to },
  )
  for (const day of days) {
    const month = `${day.slice(0, 7)}-01`
    const rows = await ctx.db.$queryRaw<{ cells: string[] }[]>`
      select array[${day}::text, a.display_name, m.state, k.service,
        case when ${isNamed(keysOf)} then k.purpose else '' end,
        case when ${isNamed(keysOf)} then k.id::text else '' end, ${keyState(ctx.now())}, coalesce(k.project, ''),
        case m.role when 'service' then 'service' else 'person' end, s.kind, s.usd::text] as cells
      from keymint.key_days d
      cross join lateral (values ('usage', d.usage_usd), ('correction', d.corrected_usd)) s(kind, usd)
      join keymint.api_keys k on k.id = d.api_key_id join keymint.attendees a on a.user_id = d.user_id
      join keymint.team_members m on m.team_id = d.team_id and m.user_id = d.user_id
      where d.team_id = ${teamId}::uuid and d.month = ${month}::date and d.day = ${day}::date
        and (${userId}::text is null or d.user_id = ${userId}) and s.usd <> 0
      order by a.display_name, k.created_at, k.id, s.kind desc`
    for (const { cells } of rows) yield cells
  }
}
