/** Which month of whose books an address asks for: an active owner reads all, others their own. */
import type { Ctx } from '~/domain/ctx'
import { monthOf, type Month } from '~/domain/money/month'
import { listMonths, type BooksScope } from '~/domain/team/months.server'
import { isActiveOwner, type Insider } from './team.server'

export const booksScope = ({ team, viewer }: Insider): BooksScope => ({
  teamId: team.teamId,
  userId: isActiveOwner(team) ? null : viewer.userId,
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
