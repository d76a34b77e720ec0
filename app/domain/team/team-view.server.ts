/** A team as its pages show it: members with their budgets, budget requests and master keys. */
import type {
  CredentialField,
  KeyOption,
  ServiceCapabilities,
  ServiceTexts,
} from '~/adapters/service-adapter'
import { nanoFromDecimalString } from '~/money'
import type { MoneyView } from '../money-view'
import type { Ctx } from '../ctx'
import { rollMonths } from '../money/budgets.server'
import { readUnderCeiling } from '../money/ceiling.server'
import type { MemberRole, MemberState } from '../money/member-lock.server'
import { monthOf, nextMonth, startOf } from '../money/month'
import { readBudget, readTopUp } from '../money/open-month.server'
import { readBalance } from '../money/postings.server'
import { moneyView } from '../money-view'
import type { BudgetView } from './view-types'
import { forecastEnd, paceDays } from './forecast'

/** The budget of one member in the present month, which is opened if needed. */
export async function readBudgetView(
  ctx: Ctx,
  ref: { teamId: string; userId: string },
): Promise<BudgetView> {
  await rollMonths(ctx, ref.teamId)
  const month = monthOf(ctx.now())
  const [balance, monthly, topUp, next, under] = await Promise.all([
    readBalance(ctx.db, ref, month),
    readBudget(ctx.db, ref, month),
    readTopUp(ctx.db, ref, month),
    readBudget(ctx.db, ref, nextMonth(month)),
    readUnderCeiling(ctx.db, ref.teamId, month),
  ])
  return {
    month,
    nextMonth: nextMonth(month),
    resetsAt: startOf(nextMonth(month)).toISOString(),
    allocated: moneyView(balance.allocated),
    committed: moneyView(balance.committed),
    spent: moneyView(balance.spent),
    free: moneyView(balance.free),
    short: balance.free < 0n,
    teamLeft:
      under && balance.free > 0n && under.left < balance.free
        ? moneyView(under.left > 0n ? under.left : 0n)
        : null,
    monthly: moneyView(monthly),
    topUp: moneyView(topUp),
    next: moneyView(next),
  }
}

export type MemberView = {
  userId: string
  name: string
  email: string | null
  role: MemberRole
  state: Exclude<MemberState, 'removed'>
  joinedAt: string
  liveKeys: number
  allocated: MoneyView
  committed: MoneyView
  spent: MoneyView
  free: MoneyView
  short: boolean
  /** The budget that applies in this month, without what is on top in it alone. */
  monthly: MoneyView
  next: MoneyView
  /** When this month's budget is spent at the pace of the last seven days; null when it lasts. */
  runsOut: string | null
}

/** The present members, owners first and service accounts last. */
export async function listMembers(ctx: Ctx, teamId: string): Promise<MemberView[]> {
  await rollMonths(ctx, teamId)
  const now = ctx.now()
  const month = monthOf(now)
  type Row = {
    userId: string
    name: string
    email: string | null
    role: MemberRole
    state: MemberView['state']
    joinedAt: Date
    liveKeys: number
    allocated: string
    committed: string
    spent: string
    free: string
    monthly: string
    next: string
    lately: string
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select m.user_id as "userId", a.display_name as name, a.email, m.role, m.state, m.joined_at as "joinedAt",
      (select count(*)::int from keymint.api_keys k where k.team_id = m.team_id and k.user_id = m.user_id
        and k.state in ('pending', 'ready') and k.expires_at > ${now}::timestamptz) as "liveKeys",
      coalesce(b.allocated_usd, 0)::text as allocated, coalesce(b.committed_usd, 0)::text as committed,
        coalesce(b.spent_usd, 0)::text as spent, coalesce(b.free_usd, 0)::text as free,
      coalesce((select n.allocated_usd from keymint.budgets n where n.team_id = m.team_id
        and n.user_id = m.user_id and n.month <= ${month}::date order by n.month desc limit 1),
        0)::text as monthly,
      coalesce((select n.allocated_usd from keymint.budgets n where n.team_id = m.team_id
        and n.user_id = m.user_id and n.month <= ${nextMonth(month)}::date order by n.month desc limit 1),
        0)::text as next,
      coalesce((select sum(d.usage_usd) from keymint.key_days d where d.team_id = m.team_id
        and d.user_id = m.user_id and d.month = ${month}::date
        and d.day > (${now}::timestamptz at time zone 'UTC')::date - ${paceDays}::int), 0)::text as lately
    from keymint.team_members m join keymint.attendees a using (user_id)
    left join keymint.budget_months b on b.team_id = m.team_id and b.user_id = m.user_id
      and b.month = ${month}::date
    where m.team_id = ${teamId}::uuid and m.state <> 'removed' order by (m.role <> 'owner'),
      m.role = 'service', a.display_name, m.user_id`
  return rows.map(({ lately, ...row }) => {
    const [allocated, committed, spent, free, monthly, next] = [
      row.allocated,
      row.committed,
      row.spent,
      row.free,
      row.monthly,
      row.next,
    ].map((text) => nanoFromDecimalString(text)) as [bigint, bigint, bigint, bigint, bigint, bigint]
    return {
      ...row,
      joinedAt: row.joinedAt.toISOString(),
      allocated: moneyView(allocated),
      committed: moneyView(committed),
      spent: moneyView(spent),
      free: moneyView(free),
      short: free < 0n,
      monthly: moneyView(monthly),
      next: moneyView(next),
      runsOut:
        forecastEnd({
          left: allocated - spent,
          lately: nanoFromDecimalString(lately),
          now,
          since: startOf(month),
          until: startOf(nextMonth(month)),
        })?.toISOString() ?? null,
    }
  })
}

export type RequestView = {
  id: string
  userId: string
  name: string
  more: MoneyView
  reason: string
  askedAt: string
  /** What is planned from next month on, where it is another budget than this month's; else null. */
  planned: MoneyView | null
}

/** The budget requests that wait for a decision, oldest first. */
export async function listOpenRequests(ctx: Ctx, teamId: string): Promise<RequestView[]> {
  const rows = await ctx.db.$queryRaw<
    {
      id: string
      userId: string
      name: string
      more: string
      reason: string
      askedAt: Date
      planned: string | null
    }[]
  >`
    select r.id, r.user_id as "userId", a.display_name as name, r.more_usd::text as more, r.reason,
      r.created_at as "askedAt",
      (select n.allocated_usd::text from keymint.budgets n where n.team_id = r.team_id
        and n.user_id = r.user_id and n.month = ${nextMonth(monthOf(ctx.now()))}::date) as planned
    from keymint.budget_requests r join keymint.attendees a using (user_id) where r.team_id = ${teamId}::uuid
      and r.state = 'open' order by r.created_at`
  return rows.map(({ more, askedAt, planned, ...row }) => ({
    ...row,
    more: moneyView(nanoFromDecimalString(more)),
    planned: planned === null ? null : moneyView(nanoFromDecimalString(planned)),
    askedAt: askedAt.toISOString(),
  }))
}

export type OwnRequestView = {
  id: string
  more: MoneyView
  /** What was granted, and whether for one month alone. Null unless approved. */
  granted: MoneyView | null
  grantedOnce: boolean
  /** Approved at once by the team's rule, without a person. */
  automatic: boolean
  reason: string
  askedAt: string
  state: 'open' | 'approved' | 'refused' | 'withdrawn'
  decisionReason: string | null
}

/** This member's last budget request, or null. */
export async function findLastRequest(
  ctx: Ctx,
  ref: { teamId: string; userId: string },
): Promise<OwnRequestView | null> {
  const [row] = await ctx.db.$queryRaw<
    {
      id: string
      more: string
      granted: string | null
      grantedOnce: boolean
      automatic: boolean
      reason: string
      askedAt: Date
      state: OwnRequestView['state']
      decisionReason: string | null
    }[]
  >`
    select id, more_usd::text as more,
      case when state = 'approved' then coalesce(granted_usd, more_usd) end::text as granted,
      granted_once as "grantedOnce", auto_month is not null as automatic, reason,
      created_at as "askedAt", state, decision_reason as "decisionReason"
      from keymint.budget_requests
    where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId} order by created_at desc limit 1`
  return row
    ? {
        ...row,
        more: moneyView(nanoFromDecimalString(row.more)),
        granted: row.granted === null ? null : moneyView(nanoFromDecimalString(row.granted)),
        askedAt: row.askedAt.toISOString(),
      }
    : null
}

export type MasterKeyChoice = {
  id: string
  service: string
  label: string
  resets: readonly string[]
  modelList: ServiceCapabilities['modelList']
  /** What the team set for its service: where `bound`, no key works with another. */
  models: { list: string[]; bound: boolean }
  options: readonly KeyOption[]
  texts: ServiceTexts
}

/** The enabled master keys of the team, with what their services can do. */
export async function listMasterKeyChoices(ctx: Ctx, teamId: string): Promise<MasterKeyChoice[]> {
  type Row = { id: string; service: string; label: string; list: string[]; bound: boolean }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select m.id, m.service, m.label, coalesce(l.models, '{}') as list, coalesce(l.bound, false) as bound
    from keymint.master_keys m
    left join keymint.team_models l on l.team_id = m.team_id and l.service = m.service
    where m.team_id = ${teamId}::uuid and m.state = 'active' order by m.service, m.label, m.id`
  return rows.flatMap(({ list, bound, ...row }) => {
    const capabilities = ctx.services.get(row.service)?.capabilities
    return capabilities
      ? [
          {
            ...row,
            resets: capabilities.resets,
            modelList: capabilities.modelList,
            models: { list, bound },
            options: capabilities.options,
            texts: capabilities.texts,
          },
        ]
      : []
  })
}

export type TeamTotals = {
  members: MemberView[]
  sum: Pick<BudgetView, 'allocated' | 'committed' | 'spent' | 'free' | 'short'>
}

/** The members and the sum of their budgets. */
export async function listMemberTotals(ctx: Ctx, teamId: string): Promise<TeamTotals> {
  const members = await listMembers(ctx, teamId)
  const [row] = await ctx.db.$queryRaw<
    Record<'allocated' | 'committed' | 'spent' | 'free', string>[]
  >`
    select coalesce(sum(b.allocated_usd), 0)::text as allocated,
      coalesce(sum(b.committed_usd), 0)::text as committed, coalesce(sum(b.spent_usd), 0)::text as spent,
      coalesce(sum(b.free_usd), 0)::text as free
    from keymint.budget_months b where b.team_id = ${teamId}::uuid and b.month = ${monthOf(ctx.now())}::date`
  const view = (text: string | undefined) => moneyView(nanoFromDecimalString(text ?? '0'))
  const free = nanoFromDecimalString(row?.free ?? '0')
  return {
    members,
    sum: {
      allocated: view(row?.allocated),
      committed: view(row?.committed),
      spent: view(row?.spent),
      free: moneyView(free),
      short: free < 0n,
    },
  }
}

export type ServiceChoice = {
  service: string
  title: string
  fields: readonly CredentialField[]
  keys: Pick<ServiceCapabilities, 'capBy' | 'modelList'>
  texts: ServiceTexts
}

/** The services that a credential can be added for, and what their keys can do. */
export function listServiceChoices(ctx: Ctx): ServiceChoice[] {
  return [...ctx.services.values()].map(({ service, title, capabilities }) => ({
    service,
    title,
    fields: capabilities.fields,
    keys: { capBy: capabilities.capBy, modelList: capabilities.modelList },
    texts: capabilities.texts,
  }))
}
