/**
 * What holds now in all teams at once that somebody is told: one statement for each kind, over what
 * is open, ends soon or is nearly spent, so that a team in which nothing happens costs nothing.
 */
import { nanoFromDecimalString } from '~/money'
import type { Condition } from '../alerts/alert'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import { monthOf, nextMonth, startOf, type Month } from '../money/month'
import { forecastEnd, paceMs } from './forecast'
import type { TeamFacts } from './notices'

export type Cause = { teamId: string; condition: Condition & { facts: TeamFacts } }

type Place = { teamId: string; slug: string; teamName: string }
type Person = Place & { userId: string; name: string }

const teamOf = ({ slug, teamName }: Place) => ({ slug, name: teamName })
const whoOf = ({ userId, name }: Person) => ({ userId, name })
const usd = (text: string) => moneyView(nanoFromDecimalString(text))

/** A decision is news for so long, also where nothing ran for a while. */
const newsDays = 3
const dayMs = 86_400_000
/** The pace of fewer days says nothing about a month. */
const minPaceMs = 3 * dayMs
/** A forecast within the error of a day is none. */
const marginMs = dayMs

export async function readCauses(ctx: Ctx): Promise<Cause[]> {
  const [clock] = await ctx.db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  const now = clock?.now ?? ctx.now()
  const all = await Promise.all([
    requests(ctx),
    decisions(ctx, now),
    budgets(ctx, now),
    endingKeys(ctx, now),
    credentials(ctx),
  ])
  return all.flat()
}

function cause(
  { teamId }: Place,
  subject: string,
  step: Pick<Condition, 'threshold' | 'rank' | 'severity'> & Partial<Condition>,
  facts: TeamFacts,
): Cause {
  const lasting = { holdSeconds: 0, clearSeconds: 0 }
  return { teamId, condition: { kind: facts.kind, subject, ...lasting, ...step, facts } }
}

async function requests(ctx: Ctx): Promise<Cause[]> {
  const rows = await ctx.db.$queryRaw<(Person & { id: string; more: string })[]>`
    select r.id, r.more_usd::text as more, t.id as "teamId", t.slug, t.name as "teamName", a.user_id as "userId",
      a.display_name as name
    from keymint.budget_requests r join keymint.teams t on t.id = r.team_id
      join keymint.team_members m on m.team_id = r.team_id and m.user_id = r.user_id
      join keymint.attendees a on a.user_id = r.user_id
    where r.state = 'open' and t.closed_at is null and m.state <> 'removed'`
  return rows.map((row) =>
    cause(
      row,
      row.id,
      { threshold: 'open', rank: 1, severity: 'ok' },
      { kind: 'request', team: teamOf(row), ...whoOf(row), more: usd(row.more) },
    ),
  )
}

async function decisions(ctx: Ctx, now: Date): Promise<Cause[]> {
  const rows = await ctx.db.$queryRaw<
    (Person & {
      id: string
      decision: 'approved' | 'refused'
      by: string | null
      granted: string | null
      once: boolean
    })[]
  >`
    select r.id, r.state as decision, r.decided_by as by, r.granted_usd::text as granted, r.granted_once as once,
      t.id as "teamId", t.slug, t.name as "teamName", a.user_id as "userId", a.display_name as name
    from keymint.budget_requests r join keymint.teams t on t.id = r.team_id
      join keymint.team_members m on m.team_id = r.team_id and m.user_id = r.user_id
      join keymint.attendees a on a.user_id = r.user_id
    where r.state in ('approved', 'refused')
      and r.decided_at > ${now}::timestamptz - make_interval(days => ${newsDays}::int)
      and t.closed_at is null and m.state = 'active'`
  return rows.map(({ id, decision, by, granted, once, ...row }) =>
    cause(
      row,
      id,
      { threshold: decision, rank: 1, severity: 'ok' },
      {
        kind: 'decided',
        team: teamOf(row),
        ...whoOf(row),
        decision,
        by: by ?? '',
        granted: granted === null ? null : usd(granted),
        once,
      },
    ),
  )
}

type Budget = Person & {
  month: Month
  allocated: string
  spent: string
  free: string
  committed: string
  joinedAt: Date
}

/** A budget is told by its amount: raised or lowered, it is another one with thresholds of its own. */
async function budgets(ctx: Ctx, now: Date): Promise<Cause[]> {
  const month = monthOf(now)
  const rows = await ctx.db.$queryRaw<Budget[]>`
    select b.month::text as month, b.allocated_usd::text as allocated, b.spent_usd::text as spent,
      b.free_usd::text as free, b.committed_usd::text as committed, m.joined_at as "joinedAt",
      t.id as "teamId", t.slug, t.name as "teamName", a.user_id as "userId", a.display_name as name
    from keymint.budget_months b join keymint.teams t on t.id = b.team_id
      join keymint.team_members m on m.team_id = b.team_id and m.user_id = b.user_id
      join keymint.attendees a on a.user_id = b.user_id
    where b.month = ${month}::date and b.allocated_usd > 0 and b.spent_usd > 0 and t.closed_at is null
      and m.state = 'active'`
  return rows.flatMap((row) => [...usedBudget(row), ...dryBudget(row, now)])
}

function usedBudget(row: Budget): Cause[] {
  const spent = nanoFromDecimalString(row.spent)
  const allocated = nanoFromDecimalString(row.allocated)
  if (spent * 5n < allocated * 4n) return []
  const isSpent = spent >= allocated
  return [
    cause(
      row,
      `${row.userId} ${row.month} ${row.allocated}`,
      isSpent
        ? { threshold: 'spent', rank: 2, severity: 'error' }
        : { threshold: '80', rank: 1, severity: 'warning' },
      {
        kind: 'budget',
        team: teamOf(row),
        ...whoOf(row),
        month: row.month,
        percent: Number((spent * 100n) / allocated),
        left: moneyView(isSpent ? 0n : allocated - spent),
        of: moneyView(allocated),
      },
    ),
  ]
}

/** By the pace of the month so far. Once it has come true, it stays until the month ends. */
function dryBudget(row: Budget, now: Date): Cause[] {
  const spent = nanoFromDecimalString(row.spent)
  const left = nanoFromDecimalString(row.allocated) - spent
  const over = startOf(nextMonth(row.month))
  const from = row.joinedAt > startOf(row.month) ? row.joinedAt : startOf(row.month)
  const watchedMs = now.getTime() - from.getTime()
  if (watchedMs < minPaceMs) return []
  const end =
    left <= 0n
      ? now
      : forecastEnd({
          left,
          // The pace that forecastEnd measures is that of seven days at most.
          lately: (spent * BigInt(paceMs(now, from))) / BigInt(watchedMs),
          now,
          since: from,
          until: new Date(over.getTime() - marginMs),
        })
  if (end === null) return []
  return [
    cause(
      row,
      `${row.userId} ${row.month}`,
      // A pace that changes every day is no news every day.
      { threshold: 'ahead', rank: 1, severity: 'warning', clearSeconds: 43_200 },
      {
        kind: 'dry',
        team: teamOf(row),
        ...whoOf(row),
        month: row.month,
        on: end.toISOString(),
        left: moneyView(left > 0n ? left : 0n),
      },
    ),
  ]
}

/** Only keys that were made for twice as long: whoever made one for a day knows when it ends. */
async function endingKeys(ctx: Ctx, now: Date): Promise<Cause[]> {
  const rows = await ctx.db.$queryRaw<
    (Person & { keyId: string; purpose: string; endsAt: Date; createdAt: Date })[]
  >`
    select k.id as "keyId", k.purpose, k.expires_at as "endsAt", k.created_at as "createdAt",
      t.id as "teamId", t.slug, t.name as "teamName", a.user_id as "userId", a.display_name as name
    from keymint.api_keys k join keymint.teams t on t.id = k.team_id
      join keymint.team_members m on m.team_id = k.team_id and m.user_id = k.user_id
      join keymint.attendees a on a.user_id = k.user_id
    where k.state = 'ready' and k.expires_at > ${now}::timestamptz
      and k.expires_at <= ${now}::timestamptz + interval '7 days' and t.closed_at is null and m.state = 'active'`
  return rows.flatMap((row) => {
    const { keyId, purpose, endsAt } = row
    const life = endsAt.getTime() - row.createdAt.getTime()
    const left = endsAt.getTime() - now.getTime()
    const step =
      left <= dayMs && life >= 2 * dayMs
        ? ({ threshold: '1d', rank: 2, severity: 'warning' } as const)
        : life >= 14 * dayMs
          ? ({ threshold: '7d', rank: 1, severity: 'warning' } as const)
          : null
    if (step === null) return []
    return [
      cause(row, `${keyId} ${endsAt.toISOString()}`, step, {
        kind: 'key-ends',
        team: teamOf(row),
        ...whoOf(row),
        keyId,
        purpose,
        endsAt: endsAt.toISOString(),
      }),
    ]
  })
}

/** No service tells a team's balance: that an account has no credit is known from a refused call. */
async function credentials(ctx: Ctx): Promise<Cause[]> {
  const rows = await ctx.db.$queryRaw<
    (Place & {
      id: string
      service: string
      label: string
      isParked: boolean
      isClosed: boolean
      reason: string | null
      readReason: string | null
    })[]
  >`
    select k.id, k.service, k.label, g.parked_at is not null as "isParked",
      g.closed_since is not null as "isClosed", g.reason,
      g.read_error ->> 'reason' as "readReason", t.id as "teamId", t.slug, t.name as "teamName"
    from keymint.accounts g join keymint.master_keys k on k.id = g.master_key_id
      join keymint.teams t on t.id = k.team_id
    where (g.parked_at is not null or g.closed_since is not null or g.read_failed_at is not null)
      and k.destroyed_at is null and k.state = 'active' and t.closed_at is null`
  return rows.flatMap((row) => {
    const reasons = [row.isClosed ? row.reason : null, row.readReason]
    const reason = row.isParked
      ? 'parked'
      : reasons.some((one) => ['unauthorized', 'forbidden', 'no-workspace'].includes(one ?? ''))
        ? 'refused'
        : reasons.includes('no-credit')
          ? 'no-credit'
          : null
    if (reason === null) return []
    const rank = { 'no-credit': 1, refused: 2, parked: 3 }[reason]
    return [
      cause(
        row,
        row.id,
        { threshold: reason, rank, severity: 'error', holdSeconds: 60, clearSeconds: 120 },
        {
          kind: 'credential',
          team: teamOf(row),
          service: ctx.services.get(row.service)?.title ?? row.service,
          label: row.label,
          reason,
        },
      ),
    ]
  })
}
