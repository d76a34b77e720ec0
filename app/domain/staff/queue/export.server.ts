/** The filtered list as rows for a file: the newest thousand that match. */
import { recordAudit } from '../../audit/audit.server'
import type { Ctx } from '../../ctx'
import { jobKindOf } from './job-kinds'
import { jobRow, jobsById, matchingJobIds, maxMatches } from './list.server'
import type { QueueFilter } from './types'

export type ExportedJob = {
  id: string
  job: string
  what: string
  state: string
  reason: string
  runs: number
  created_at: string
  started_at: string
  ended_at: string
  next_run_at: string
  workshop: string
  person: string
  claim_id: string
  mint_id: string
}

/**
 * Newest first. Names of people leave the house with it, so it is audited with the filter that was
 * used.
 */
export async function exportJobs(
  ctx: Ctx,
  input: { filter: QueueFilter; format: string; actorUserId: string },
): Promise<ExportedJob[]> {
  const ids = await matchingJobIds(ctx, input.filter, maxMatches)
  const rows = new Map((await jobsById(ctx, ids)).map((row) => [row.id, jobRow(row)]))
  await ctx.db.$transaction((tx) =>
    recordAudit(tx, {
      actor: `user:${input.actorUserId}`,
      action: 'queue.exported',
      subject: 'queue',
      details: {
        filter: JSON.parse(JSON.stringify(input.filter)) as Record<string, string>,
        format: input.format,
        jobs: ids.length,
      },
    }),
  )
  return ids.flatMap((id) => {
    const row = rows.get(id)
    return row
      ? [
          {
            id,
            job: row.name,
            what: jobKindOf(row.name).words,
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
          },
        ]
      : []
  })
}
