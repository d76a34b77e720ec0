import { exportSpending, spendingFields } from '~/domain/team/books.server'
import { booksScope, daysOfFile } from '~/web/books.server'
import { csvDownload, plainNumber } from '~/web/csv.server'
import { handler } from '~/web/handler.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireMember } from '~/web/team.server'

/** The spending of a month, or of the days that the address names, by day, member, service and key. */
export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  await requireWithinLimit(args, 'export', insider.viewer)
  const scope = booksScope(insider)
  const asked = await daysOfFile(args.ctx, scope, args.request)
  const { slug } = insider.team
  const actorUserId = insider.viewer.userId
  const name =
    'month' in asked ? asked.month.slice(0, 7) : `${asked.range.from}-to-${asked.range.to}`
  return csvDownload(
    `spending-${slug}-${name}.csv`,
    spendingFields,
    numbered(exportSpending(args.ctx, { ...scope, slug, actorUserId, ...asked })),
  )
})

/** The last cell is an amount, negative where it takes something back. */
async function* numbered(rows: AsyncIterable<string[]>) {
  for await (const cells of rows) yield [...cells.slice(0, -1), plainNumber(cells.at(-1) ?? '')]
}
