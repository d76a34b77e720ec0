import type { CappedCount, JobRow, JobState } from '~/domain/staff/queue/types'

export const stateWords: Record<JobState, string> = {
  waiting: 'waiting',
  running: 'running',
  retrying: 'retrying',
  failed: 'failed',
  done: 'done',
  cancelled: 'cancelled',
  dead: 'dead letter',
}

/** A state is said in its word; the colour only repeats what needs a look. */
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
export function countWords({ count, more }: CappedCount): string {
  return `${count.toLocaleString('en-US')}${more ? '+' : ''}`
}

export const jobsWords = (counted: CappedCount) =>
  `${countWords(counted)} ${counted.count === 1 && !counted.more ? 'job' : 'jobs'}`

/** Whom or what a job is about. */
export function subjectWords(row: Pick<JobRow, 'claim' | 'workshop' | 'mintId'>): string {
  return row.claim ? row.claim.person : (row.workshop ?? (row.mintId ? 'a mint' : 'the whole site'))
}
