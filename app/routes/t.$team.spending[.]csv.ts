import { exportSpending, spendingFields } from '~/domain/team/books.server'
import { booksScope, monthOfFile } from '~/web/books.server'
import { csvDownload, plainNumber } from '~/web/csv.server'
import { handler } from '~/web/handler.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireMember } from '~/web/team.server'

/** A month's spending by day, member, service and key, as a file. */
export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  await requireWithinLimit(args, 'export', insider.viewer)
  const scope = booksScope(insider)
  const month = await monthOfFile(args.ctx, scope, args.request)
  const { slug } = insider.team
  const actorUserId = insider.viewer.userId
  return csvDownload(
    `spending-${slug}-${month.slice(0, 7)}.csv`,
    spendingFields,
    numbered(exportSpending(args.ctx, { ...scope, slug, month, actorUserId })),
  )
})

/** The last cell is an amount, negative where it takes something back. */
async function* numbered(rows: AsyncIterable<string[]>) {
  for await (const cells of rows) yield [...cells.slice(0, -1), plainNumber(cells.at(-1) ?? '')]
}
