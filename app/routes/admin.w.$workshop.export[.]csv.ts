import { Readable } from 'node:stream'
import { createReadableStreamFromReadable } from '@remix-run/node'
import { stringify } from 'csv-stringify'
import { readFilter } from '~/domain/staff/claim-list'
import { csvOptions, exportClaims } from '~/domain/staff/claim-export.server'
import { readCounters } from '~/domain/operations/counters.server'
import { handler, notFound } from '~/web/handler.server'
import { requireStaff } from '~/web/session.server'

/** Row by row to the browser. */
export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const slug = params.workshop ?? ''
  if (!ctx.workshops.workshops.has(slug) && (await readCounters(ctx.db, slug)).total === 0)
    throw notFound()
  const rows = exportClaims(ctx, {
    workshopSlug: slug,
    filter: readFilter(new URL(request.url).searchParams),
    actorUserId: viewer.userId,
  })
  const csv = Readable.from(rows).pipe(stringify(csvOptions))
  const name = `keymint-${slug.replace(/[^\w-]/g, '')}-${ctx.now().toISOString().slice(0, 10)}.csv`
  return new Response(createReadableStreamFromReadable(csv), {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="${name}"`,
      'Cache-Control': 'no-store',
    },
  })
})
