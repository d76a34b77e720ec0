import { exportCosts } from '~/domain/staff/report.server'
import { readCounters } from '~/domain/operations/counters.server'
import { adminReceiptUrl } from '~/urls'
import { csvDownload } from '~/web/csv.server'
import { handler, notFound } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireWorkshopStaff } from '~/web/session.server'

const header = ['Place', 'Spent (USD)', 'Limit (USD)', 'Keys', 'Final']

/** What each person cost, without names. */
export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { viewer } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const refused = await refuseOverLimit({ request, ctx }, 'export', viewer, adminReceiptUrl(slug))
  if (refused) return refused
  if (!ctx.workshops.workshops.has(slug) && (await readCounters(ctx.db, slug)).total === 0)
    throw notFound()
  const rows = await exportCosts(ctx, { workshopSlug: slug, actorUserId: viewer.userId })
  const day = ctx.now().toISOString().slice(0, 10)
  return csvDownload(`keymint-costs-${slug.replace(/[^\w-]/g, '')}-${day}.csv`, header, rows)
})
