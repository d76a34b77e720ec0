import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { exportAudit } from '~/domain/audit/read.server'
import { auditUrl, readAuditQuery } from '~/web/audit-query.server'
import { download } from '~/web/download.server'
import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireStaff } from '~/web/session.server'

const columns = [
  'id',
  'at',
  'actor',
  'action',
  'subject',
  'workshop',
  'details',
  'chainSeq',
  'prevHash',
  'hash',
]

/** All that the filter finds, streamed, as CSV or as a JSON object a line. */
export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const url = new URL(request.url)
  const { filter, typed, problems } = readAuditQuery(url)
  // A filter that was misread would export more than was asked for.
  if (problems.length > 0) throw new Response('bad-request', { status: 400 })
  const refused = await refuseOverLimit({ request, ctx }, 'export', viewer, auditUrl(typed))
  if (refused) return refused
  const format = url.searchParams.get('format') === 'jsonl' ? 'jsonl' : 'csv'
  const rows = await exportAudit(ctx, filter, { actor: `user:${viewer.userId}`, format })
  const name = `keymint-audit-${ctx.now().toISOString().slice(0, 10)}.${format}`
  if (format === 'jsonl')
    return download({ name, type: 'application/jsonl; charset=utf-8', body: jsonLines(rows) })
  const source = Readable.from(rows)
  const csv = stringify({ header: true, columns, escape_formulas: true, bom: true })
  source.once('error', (error) => csv.destroy(error))
  return download({ name, type: 'text/csv; charset=utf-8', body: source.pipe(csv) })
})

async function* jsonLines(rows: AsyncIterable<{ details: string }>): AsyncGenerator<string> {
  for await (const row of rows)
    yield `${JSON.stringify({ ...row, details: JSON.parse(row.details) as unknown })}\n`
}
