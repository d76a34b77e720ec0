/**
 * The wall: a workshop as a whole crowd reads it from a screen. Nothing is counted: the numbers are
 * those of the pages of staff, without anybody's name.
 */
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import { findWorkshopView } from '../workshop/view.server'
import type { Workshop } from '../workshop-file'
import { percentile } from './histogram'
import type { WallSpending, WallView } from './wall'
import { readWorkshopMoney } from './workshop-money.server'

const nextMs = 5_000
const idleNextMs = 15_000
/** Above this, a number of seats says nothing. */
const maxCountable = 100_000
const waitMinutes = 60

/** Null where there is no such workshop or its file has an error. */
export async function readWall(ctx: Ctx, slug: string): Promise<WallView | null> {
  const file = ctx.workshops.workshops.get(slug)
  const [workshop, medianWaitSeconds, spending] = await Promise.all([
    findWorkshopView(ctx, slug),
    readMedianWait(ctx, slug),
    file ? readSpending(ctx, file) : null,
  ])
  if (!workshop || 'broken' in workshop) return null
  const { title, timezone, window, endedAt, opensAt, closesAt, seats, asOf } = workshop
  return {
    slug,
    title,
    timezone,
    window,
    endedAt,
    opensAt,
    closesAt,
    paused: workshop.paused !== null,
    claimed: seats.total - seats.left,
    left: seats.left > maxCountable ? null : seats.left,
    medianWaitSeconds,
    spending,
    announcement:
      [...workshop.announcements].sort((a, b) => b.postedAt.localeCompare(a.postedAt))[0] ?? null,
    asOf,
    next: window === 'closed' ? idleNextMs : nextMs,
  }
}

async function readSpending(ctx: Ctx, file: Workshop): Promise<WallSpending> {
  const money = await readWorkshopMoney(ctx, file)
  const pool = file.poolLimit === null ? null : moneyView(file.poolLimit)
  const { spent, lastsUntil } = money
  return {
    percent: pool && pool.usd > 0 ? Math.floor((spent.usd / pool.usd) * 100) : null,
    lastsUntil,
    spent,
    pool,
  }
}

/** From the kept steps of waits: right to within an eighth. */
async function readMedianWait(ctx: Ctx, slug: string): Promise<number | null> {
  const rows = await ctx.db.$queryRaw<{ step: number; count: number }[]>`
    select substr(facet, 13)::int as step, sum(n)::int as count from (
      select facet, n from keymint.figure_steps where scope = ${slug} and width = 60
        and starts_at >= keymint.now() - make_interval(mins => ${waitMinutes}::int)
        and facet like 'time-to-key/%'
      union all select facet, n from keymint.figure_deltas where scope = ${slug}
        and minute >= keymint.now() - make_interval(mins => ${waitMinutes}::int)
        and facet like 'time-to-key/%') waited
    group by 1`
  return percentile(new Map(rows.map(({ step, count }) => [step, count])), 0.5)
}
