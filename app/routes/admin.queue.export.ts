import { stringify } from 'csv-stringify/sync'
import { exportJobs } from '~/domain/staff/queue/export.server'
import { readQueueQuery } from '~/domain/staff/queue/filter'
import { handler } from '~/web/handler.server'
import { requireStaff } from '~/web/session.server'

/**
 * The newest thousand jobs that match, as a file. Cells that a spreadsheet would take for a formula
 * are neutralised.
 */
export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const { searchParams } = new URL(request.url)
  const format = searchParams.get('format') === 'json' ? 'json' : 'csv'
  const { after: _page, ...filter } = readQueueQuery(searchParams, ctx.now()).filter
  const rows = await exportJobs(ctx, { filter, format, actorUserId: viewer.userId })
  const headers = {
    'Content-Disposition': `attachment; filename="keymint-queue-${ctx.now().toISOString().slice(0, 10)}.${format}"`,
    'Cache-Control': 'no-store',
  }
  if (format === 'json')
    return new Response(JSON.stringify(rows, null, 2), {
      headers: { ...headers, 'Content-Type': 'application/json; charset=utf-8' },
    })
  return new Response(
    stringify(rows, {
      header: true,
      escape_formulas: true,
      bom: true,
      record_delimiter: 'windows',
    }),
    { headers: { ...headers, 'Content-Type': 'text/csv; charset=utf-8' } },
  )
})
