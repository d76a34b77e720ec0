/** Labels and sentences of bulk actions: on claims and on jobs. */
import { numberText } from '~/messages/text'
import type { BulkView } from '~/domain/bulk/bulk.server'
import { jobActionMessages } from './queue/job-action-messages'

const claimActions: Record<string, string> = {
  'claim.retry': 'Creating keys',
  'claim.bind': 'Assigning guardrails',
  'claim.try-now': 'Trying waiting changes of keys',
  'claim.disable': 'Disabling keys',
  'claim.enable': 'Enabling keys',
  'claim.set-limit': 'Setting limits',
  'claim.revoke': 'Revoking keys',
  'claim.re-issue': 'Replacing keys',
  'claim.extend': 'Extending keys',
}
const jobActions: Record<string, string> = {
  'retry-job': 'Retry',
  'cancel-job': 'Cancel',
  'redrive-job': 'Send back',
}

/** "Revoking keys", "Retry 30 jobs". */
export function bulkLabel({ kind, total }: Pick<BulkView, 'kind' | 'total'>): string {
  const verb = jobActions[kind]
  if (verb) return `${verb} ${numberText(total)} ${total === 1 ? 'job' : 'jobs'}`
  return claimActions[kind] ?? kind
}

type Progress = Pick<BulkView, 'state' | 'total' | 'done' | 'failed' | 'skipped' | 'finishedAt'>

export function progressMessage(bulk: Progress): string {
  const { total, done, failed, skipped } = bulk
  if (bulk.finishedAt === null)
    return `${numberText(done + failed + skipped)} of ${numberText(total)} finished.`
  return bulk.state === 'aborted'
    ? `Stopped: ${numberText(done)} of ${numberText(total)} were done.`
    : total === 1
      ? 'Finished.'
      : `All ${numberText(total)} finished.`
}

/** "28 done, 2 failed" */
export function countsLabel({ done, failed, skipped }: Progress): string {
  return [
    ...(done > 0 ? [`${numberText(done)} done`] : []),
    ...(failed > 0 ? [`${numberText(failed)} failed`] : []),
    ...(skipped > 0 ? [`${numberText(skipped)} skipped`] : []),
  ].join(', ')
}

export const resultLabels = {
  pending: 'to do',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
} as const

const engineMessages: Record<string, string> = {
  aborted: 'The action was stopped before it got here.',
  'unexpected-error': 'An unexpected error. See the worker’s log.',
}

/** What became of an item: a code of ours, or what a person or the provider said. */
export const detailMessage = (detail: string) =>
  engineMessages[detail] ?? jobActionMessages[detail] ?? detail

/** Why the job of a bulk action runs again later. */
export const bulkReasonCodes: Record<string, string> = {
  'unknown-bulk-kind': 'This version does not know the action.',
  'items-not-due': 'The remaining items are not due yet.',
  'more-to-do': 'More items are left.',
}

/** Why the action was requested: what the person wrote, or the job where they pressed. */
export function bulkReason(reason: string): string {
  const job = /^job:(.+)$/.exec(reason)?.[1]
  return job ? `requested on the page of job ${job}` : reason.replace(/\.$/, '')
}
