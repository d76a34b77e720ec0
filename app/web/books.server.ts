/** Which month of whose books an address asks for. Keys are named to owners and to their holder. */
import type { Ctx } from '~/domain/ctx'
import { monthOf, type Month } from '~/domain/money/month'
import { listMonths, type BooksScope } from '~/domain/team/months.server'
import { mayHandleMoney, maySeeTeamMoney, type MemberRole } from '~/domain/money/roles'
import type { DayRange } from '~/domain/team/range.server'
import { rangeAsked } from './day-range'
import { isActiveOwner, type Insider } from './team.server'

const scopeOf =
  (maySeeAll: (role: MemberRole) => boolean) =>
  ({ team, viewer }: Insider): BooksScope => ({
    teamId: team.teamId,
    userId: team.state === 'active' && maySeeAll(team.role) ? null : viewer.userId,
    keysOf: isActiveOwner(team) ? null : viewer.userId,
  })

/** What is spent: of everybody for whoever sees the team's money. */
export const booksScope = scopeOf(maySeeTeamMoney)
/** Every movement with who made it and why: of everybody for owners and finance alone. */
export const ledgerScope = scopeOf(mayHandleMoney)

/** The month of a file; without a month in the address, the present one. One without books is no file. */
export async function monthOfFile(ctx: Ctx, scope: BooksScope, request: Request): Promise<Month> {
  const { month, months } = await monthAsked(ctx, scope, request)
  const asked = new URL(request.url).searchParams.get('month')
  if (asked === null || months.includes(asked)) return month
  throw noFile(404, 'This month has no books. Choose another month on the page of the team.')
}

/** The days that the address of a file names, or else its month. Odd days are no file. */
export async function daysOfFile(
  ctx: Ctx,
  scope: BooksScope,
  request: Request,
): Promise<{ month: Month } | { range: DayRange }> {
  const asked = rangeAsked(new URL(request.url).searchParams, ctx.now())
  if (asked.kind === 'problem') throw noFile(400, asked.message)
  return asked.kind === 'range'
    ? { range: asked.range }
    : { month: await monthOfFile(ctx, scope, request) }
}

const noFile = (status: number, message: string) =>
  new Response(`${message}\n`, {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  })

/** A month without books is the present one. */
export async function monthAsked(
  ctx: Ctx,
  scope: BooksScope,
  request: Request,
): Promise<{ month: Month; months: Month[] }> {
  const months = await listMonths(ctx, scope)
  const asked = new URL(request.url).searchParams.get('month')
  return { month: months.find((month) => month === asked) ?? monthOf(ctx.now()), months }
}
