import { exportSpending, spendingFields } from '~/domain/team/books.server'
import { booksScope, monthAsked } from '~/web/books.server'
import { csvDownload } from '~/web/csv.server'
import { handler } from '~/web/handler.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireMember } from '~/web/team.server'

/** A month's spending by day, member, service and key, as a file. */
export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  await requireWithinLimit(args, 'export', insider.viewer)
  const scope = booksScope(insider)
  const { month } = await monthAsked(args.ctx, scope, args.request)
  const { slug } = insider.team
  const actorUserId = insider.viewer.userId
  return csvDownload(
    `spending-${slug}-${month.slice(0, 7)}.csv`,
    spendingFields,
    exportSpending(args.ctx, { ...scope, slug, month, actorUserId }),
  )
})
