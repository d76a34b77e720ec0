/** Which month of whose books an address asks for. Keys are named to owners and to their holder. */
import type { Ctx } from '~/domain/ctx'
import { monthOf, type Month } from '~/domain/money/month'
import { listMonths, type BooksScope } from '~/domain/team/months.server'
import { mayHandleMoney, maySeeTeamMoney, type MemberRole } from '~/domain/money/roles'
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
  throw new Response('This month has no books. Choose another month on the page of the team.\n', {
    status: 404,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  })
}

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
