import { exportAudit } from '~/domain/audit/read.server'
import { auditUrl, readAuditQuery } from '~/web/audit-query.server'
import { csvDownload } from '~/web/csv.server'
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
] as const

/** All that the filter finds, streamed, as CSV or as a JSON object a line. */
export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const url = new URL(request.url)
  const { filter, typed, problems } = readAuditQuery(url)
  // A filter that was misread would export more than was requested.
  if (problems.length > 0) throw new Response('bad-request', { status: 400 })
  const refused = await refuseOverLimit({ request, ctx }, 'export', viewer, auditUrl(typed))
  if (refused) return refused
  const format = url.searchParams.get('format') === 'jsonl' ? 'jsonl' : 'csv'
  const rows = await exportAudit(ctx, filter, { actor: `user:${viewer.userId}`, format })
  const name = `keymint-audit-${ctx.now().toISOString().slice(0, 10)}.${format}`
  if (format === 'jsonl')
    return download({ name, type: 'application/jsonl; charset=utf-8', body: jsonLines(rows) })
  return csvDownload(name, columns, cellsOf(rows))
})

type Rows = Awaited<ReturnType<typeof exportAudit>>

async function* cellsOf(rows: Rows): AsyncGenerator<(string | number | null)[]> {
  for await (const row of rows) yield columns.map((column) => row[column])
}

async function* jsonLines(rows: Rows): AsyncGenerator<string> {
  for await (const row of rows)
    yield `${JSON.stringify({ ...row, details: JSON.parse(row.details) as unknown })}\n`
}
