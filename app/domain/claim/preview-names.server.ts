/** Whom an action would reach, by name: a person who confirms reads names, not only a number. */
import { Prisma } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { ClaimSelection } from './actions'
import { claimWhere, isDense } from './claim-filter.server'

const shownNames = 5

export async function previewNames(
  ctx: Pick<Ctx, 'db'>,
  workshopSlug: string,
  selection: ClaimSelection,
): Promise<string[]> {
  const where =
    'claimIds' in selection
      ? Prisma.sql`c.workshop_slug = ${workshopSlug} and c.claim_id = any(${selection.claimIds}::uuid[])`
      : claimWhere(workshopSlug, selection.filter, {
          dense: await isDense(ctx.db, selection.filter),
        })
  const rows = await ctx.db.$queryRaw<{ name: string }[]>`
    select a.display_name as name from keymint.workshop_attendance c
      join keymint.attendees a on a.user_id = c.user_id
    where ${where} order by c.attended_at limit ${shownNames}::int`
  return rows.map(({ name }) => name)
}
