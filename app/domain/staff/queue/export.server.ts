/** The filtered list as rows for a file: the newest thousand that match. */
import { recordAudit } from '../../audit/audit.server'
import type { Ctx } from '../../ctx'
import { jobRow } from './job-row'
import { jobsById, matchingJobIds, maxMatches } from './list.server'
import type { JobRow, QueueFilter } from './types'

/** Newest first. It takes names of people away, so it is audited with the filter that was used. */
export async function exportJobs(
  ctx: Ctx,
  input: { filter: QueueFilter; format: string; actorUserId: string },
): Promise<JobRow[]> {
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
  return ids.flatMap((id) => rows.get(id) ?? [])
}
