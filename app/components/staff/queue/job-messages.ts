/** Labels and sentences of the queue's pages. */
import type { CappedCount, JobName, JobRow, JobState, JobTab } from '~/domain/staff/queue/types'
import { bulkReasonCodes } from '../bulk-messages'

/** A new job without a label does not compile. */
const jobLabels: Record<JobName, string> = {
  'mint-key': 'Create a key',
  'mint-service-key': 'Create a team’s key',
  'apply-key': 'Apply changes to a key',
  'stop-at-cap': 'Stop a key at its cap',
  'read-account': 'Read the keys of one provider account',
  'read-accounts': 'Read all provider accounts',
  'bind-guardrail': 'Assign a guardrail to a key',
  'reconcile-check': 'Compare all keys with the provider',
  'reconcile-fix': 'Repair what differs at the provider',
  'reading-retention': 'Thin out old readings',
  'keep-spares': 'Top up pre-minted keys',
  'make-receipt': 'Make a receipt',
  doctor: 'Run the readiness check',
  'chain-audit': 'Chain the audit trail',
  retention: 'Delete data past its retention',
  sweep: 'Find lost work',
  'bulk-action': 'Run a bulk action',
  'roll-months': 'Open the new month',
}

/** Dead letters are named after their job. */
export function jobLabel(name: string): string {
  const living = name.replace(/-dead$/, '')
  const label = (jobLabels as Record<string, string>)[living] ?? living
  return living === name ? label : `${label} (dead letter)`
}

export const stateLabels: Record<JobState, string> = {
  waiting: 'waiting',
  running: 'running',
  retrying: 'retrying',
  failed: 'failed',
  done: 'done',
  cancelled: 'cancelled',
  dead: 'dead letter',
}

export const tabLabels: Record<JobTab, string> = {
  unfinished: 'Not finished',
  waiting: 'Waiting',
  running: 'Running',
  retrying: 'Retrying',
  failed: 'Failed',
  done: 'Done',
  cancelled: 'Cancelled',
  dead: 'Dead letters',
}

export const emptyMessages: Record<JobTab, string> = {
  unfinished: 'The queue is empty.',
  waiting: 'No job is waiting.',
  running: 'No job is running.',
  retrying: 'No job is retrying.',
  failed: 'No job has failed.',
  done: 'No job is done yet.',
  cancelled: 'No job was cancelled.',
  dead: 'There are no dead letters.',
}

/** A state is written out; the colour only repeats what needs attention. */
export const stateInk: Record<JobState, string> = {
  waiting: '',
  running: '',
  retrying: 'text-amber-ink',
  failed: 'text-brick-ink',
  done: 'text-soft',
  cancelled: 'text-soft',
  dead: 'text-brick-ink',
}

/** "30", "1,000+" */
export function countLabel({ count, more }: CappedCount): string {
  return `${count.toLocaleString('en-US')}${more ? '+' : ''}`
}

export const jobsLabel = (counted: CappedCount) =>
  `${countLabel(counted)} ${counted.count === 1 && !counted.more ? 'job' : 'jobs'}`

/** Whom or what a job is about. */
export function subjectLabel(row: Pick<JobRow, 'claim' | 'workshop' | 'mintId'>): string {
  if (row.claim) return row.claim.person ?? 'an erased person'
  return row.workshop ?? (row.mintId ? 'a key' : 'the whole site')
}

/** Why a job waits or failed: a code of a bulk action, or what an error said. */
export const reasonMessage = (reason: string) => bulkReasonCodes[reason] ?? reason

export function leadMessage(unfinished: CappedCount, oldestSeconds: number | null): string {
  if (unfinished.count === 0) return 'No unfinished jobs.'
  const oldest =
    oldestSeconds !== null && oldestSeconds > 1
      ? `; the oldest due job has waited ${oldestSeconds} s`
      : ''
  return `${jobsLabel(unfinished)} not finished${oldest}.`
}

export function listMessage(
  matches: CappedCount,
  lookedThrough: number | null,
  tab: JobTab,
): string {
  return lookedThrough === null
    ? `${tabLabels[tab]}: ${jobsLabel(matches)}.`
    : `${tabLabels[tab]}: ${matches.count.toLocaleString('en-US')} found in the newest ` +
        `${lookedThrough.toLocaleString('en-US')}.`
}
