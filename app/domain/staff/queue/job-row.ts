/** A row of pg-boss with the mint and the claim behind it, as the pages show it. */
import { deadLetterNames } from '~/adapters/job-catalog'
import { canCancel } from './job-kinds'
import type { JobRow, JobState } from './types'

export type RawRow = {
  id: string
  name: string
  state: string
  data: unknown
  createdOn: Date
  cursor: string
  startAfter: Date
  startedOn: Date | null
  completedOn: Date | null
  runs: number
  reason: string | null
  errorGroup: string | null
  stuck: boolean | null
  sourceName: string | null
  sourceId: string | null
  sourceReason: string | null
  mintId: string | null
  scope: string | null
  mintState: string | null
  holderKind: string | null
  claimId: string | null
  claimState: string | null
  bound: boolean | null
  workshopSlug: string | null
  person: string | null
  userId: string | null
}

const states: Record<string, JobState> = {
  created: 'waiting',
  retry: 'retrying',
  active: 'running',
  completed: 'done',
  cancelled: 'cancelled',
  failed: 'failed',
}

function jobStateOf(row: Pick<RawRow, 'name' | 'state' | 'errorGroup'>): JobState {
  if (deadLetterNames.includes(row.name)) return 'dead'
  if (row.state === 'completed' && row.errorGroup !== null) return 'failed'
  return states[row.state] ?? 'waiting'
}

export function jobRow(row: RawRow): JobRow {
  const state = jobStateOf(row)
  const waits = row.state === 'created' || row.state === 'retry'
  return {
    id: row.id,
    name: row.name,
    state,
    createdAt: row.createdOn.toISOString(),
    runsAt: waits && state !== 'dead' ? row.startAfter.toISOString() : null,
    startedAt: row.startedOn?.toISOString() ?? null,
    endedAt: row.completedOn?.toISOString() ?? null,
    runs: row.runs,
    // The reason of an earlier run says nothing about a job that is running or done.
    reason: state === 'done' || state === 'running' ? null : (row.reason ?? row.sourceReason),
    errorGroup: row.errorGroup,
    stuck: row.stuck ?? false,
    mintId: row.mintId,
    claim:
      row.claimId && row.workshopSlug && row.userId
        ? {
            id: row.claimId,
            workshop: row.workshopSlug,
            person: row.person,
            userId: row.userId,
          }
        : null,
    workshop: row.scope,
    can: {
      retry:
        waits && state !== 'dead'
          ? true
          : state === 'failed'
            ? row.state === 'failed' ||
              row.claimState === 'refused' ||
              (row.claimState === 'ready' && row.bound === false)
            : state === 'cancelled'
              ? canSendAgain(row)
              : false,
      cancel: (waits || row.state === 'active') && state !== 'dead' && canCancel(row.name),
      redrive: state === 'dead',
    },
  }
}

/**
 * A cancelled job may come back when the work behind it is still there, or can be requested again.
 */
function canSendAgain(row: RawRow): boolean {
  if (row.mintId === null) return false
  return (
    row.mintState === 'pending' ||
    row.claimState === 'refused' ||
    (row.claimState === 'ready' && row.bound === false)
  )
}
