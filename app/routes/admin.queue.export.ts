import { Readable } from 'node:stream'
import { jobLabel } from '~/messages/jobs'
import { exportJobs } from '~/domain/staff/queue/export.server'
import { readQueueQuery } from '~/domain/staff/queue/filter'
import type { JobRow } from '~/domain/staff/queue/types'
import { csvDownload } from '~/web/csv.server'
import { download } from '~/web/download.server'
import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { queueUrl } from '~/urls'
import { requireStaff } from '~/web/session.server'

/** The newest thousand jobs that match, as a file. */
export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const refused = await refuseOverLimit({ request, ctx }, 'export', viewer, queueUrl)
  if (refused) return refused
  const { searchParams } = new URL(request.url)
  const format = searchParams.get('format') === 'json' ? 'json' : 'csv'
  const { after: _page, ...filter } = readQueueQuery(searchParams, ctx.now()).filter
  const jobs = await exportJobs(ctx, { filter, format, actorUserId: viewer.userId })
  const rows = jobs.map(exported)
  const name = `keymint-queue-${ctx.now().toISOString().slice(0, 10)}.${format}`
  if (format === 'csv')
    return csvDownload(
      name,
      columns,
      rows.map((row) => columns.map((column) => row[column])),
    )
  return download({
    name,
    type: 'application/json; charset=utf-8',
    body: Readable.from([JSON.stringify(rows, null, 2)]),
  })
})

function exported(row: JobRow) {
  return {
    id: row.id,
    job: row.name,
    what: jobLabel(row.name),
    state: row.state,
    reason: row.reason ?? '',
    runs: row.runs,
    created_at: row.createdAt,
    started_at: row.startedAt ?? '',
    ended_at: row.endedAt ?? '',
    next_run_at: row.runsAt ?? '',
    workshop: row.workshop ?? '',
    person: row.claim?.person ?? '',
    claim_id: row.claim?.id ?? '',
    mint_id: row.mintId ?? '',
  }
}

const columns = [
  'id',
  'job',
  'what',
  'state',
  'reason',
  'runs',
  'created_at',
  'started_at',
  'ended_at',
  'next_run_at',
  'workshop',
  'person',
  'claim_id',
  'mint_id',
] as const satisfies (keyof ReturnType<typeof exported>)[]
