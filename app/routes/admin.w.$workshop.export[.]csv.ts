import { claimColumnLabels } from '~/components/staff/claim-messages'
import { readFilter } from '~/domain/staff/claim-list'
import { exportClaims, exportFields } from '~/domain/staff/claim-export.server'
import { readCounters } from '~/domain/operations/counters.server'
import { csvDownload } from '~/web/csv.server'
import { handler, notFound } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { adminWorkshopUrl } from '~/urls'
import { requireWorkshopStaff } from '~/web/session.server'

/** Row by row to the browser. */
export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { viewer } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const refused = await refuseOverLimit({ request, ctx }, 'export', viewer, adminWorkshopUrl(slug))
  if (refused) return refused
  if (!ctx.workshops.workshops.has(slug) && (await readCounters(ctx.db, slug)).total === 0)
    throw notFound()
  const rows = exportClaims(ctx, {
    workshopSlug: slug,
    filter: readFilter(new URL(request.url).searchParams),
    actorUserId: viewer.userId,
  })
  const name = `keymint-${slug.replace(/[^\w-]/g, '')}-${ctx.now().toISOString().slice(0, 10)}.csv`
  return csvDownload(
    name,
    exportFields.map((field) => claimColumnLabels[field]),
    rows,
  )
})
