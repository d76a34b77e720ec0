import { exportLedger, ledgerFields } from '~/domain/team/books.server'
import { ledgerScope, monthOfFile } from '~/web/books.server'
import { csvDownload } from '~/web/csv.server'
import { handler } from '~/web/handler.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireMember } from '~/web/team.server'

/** A month's postings as a file. */
export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  await requireWithinLimit(args, 'export', insider.viewer)
  const scope = ledgerScope(insider)
  const month = await monthOfFile(args.ctx, scope, args.request)
  const { slug } = insider.team
  const actorUserId = insider.viewer.userId
  return csvDownload(
    `ledger-${slug}-${month.slice(0, 7)}.csv`,
    ledgerFields,
    exportLedger(args.ctx, { ...scope, slug, month, actorUserId }),
  )
})
