/** Sentences of the page of schedules: what each does, how it ended, what a pause would stop. */
import type { JobName } from '~/domain/staff/queue/types'
import type { QueueStakes } from '~/domain/operations/paused-queues.server'
import type { PauseOutcome } from '~/domain/operations/paused-queues.server'
import type { RunNowOutcome, ScheduledName } from '~/domain/staff/queue/run-now.server'
import type { QueueView, ScheduleView } from '~/domain/staff/queue/schedules.server'
import { jobLabel } from '~/messages/jobs'
import { counted } from '~/messages/text'
import { countLabel } from './job-messages'

/** One sentence each; a new schedule without one does not compile. */
export const scheduleSentences: Record<ScheduledName, string> = {
  sweep:
    'Finds work whose job was lost, ends keys that have expired, and moves limits that are due.',
  'chain-audit': 'Links new events of the audit trail, so that a changed one can be seen.',
  'read-accounts': 'Reads what keys have used, and the credits that are left.',
  'reconcile-check': 'Compares every key at the provider with our rows and lists the differences.',
  'reading-retention': 'Deletes readings and checks that are too old to be shown.',
  'make-backup': 'Writes a backup of the database, where BACKUP_DIR names a folder for it.',
  retention: 'Erases people who have been away for long, and other data past its time.',
  'roll-months': 'Opens the budget of the new month for every member of a team.',
}

export function everyMessage(every: ScheduleView['every']): string {
  if ('seconds' in every) return `Every ${every.seconds} s`
  const [minute = '*', hour = '*'] = every.cron.split(' ')
  if (minute === '*') return 'Every minute'
  if (hour === '*') return `Every hour, at minute ${minute}`
  return `Every day at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')} UTC`
}

/** What a run counts, as "3 keys ended"; what is not listed here is not worth a word. */
const countLabels: Record<string, (count: number) => string> = {
  mintsSentAgain: (count) => `${counted(count, 'lost key request')} sent again`,
  bindsSentAgain: (count) => `${counted(count, 'unbound key')} sent again`,
  bulksSentAgain: (count) => `${counted(count, 'bulk action')} continued`,
  ended: (count) => `${counted(count, 'expired key')} ended`,
  closed: (count) => `${counted(count, 'key')} closed by the provider`,
  seatsFreed: (count) => `${counted(count, 'seat')} freed`,
  unusedReleased: (count) => `${counted(count, 'unused key')} ended`,
  waitlistServed: (count) => `${counted(count, 'place')} of a waitlist served`,
  waitlistMailed: (count) => `${counted(count, 'mail')} about seats sent`,
  retired: (count) => `${counted(count, 'replaced key')} retired`,
  limitsRestored: (count) => `${counted(count, 'limit')} restored`,
  capsReached: (count) => `${counted(count, 'key')} stopped at the cap`,
  appliesSentAgain: (count) => `${counted(count, 'key change')} sent again`,
  keysDeleted: (count) => `${counted(count, 'settled key')} deleted`,
  condemnedDeleted: (count) => `${counted(count, 'unwanted key')} deleted`,
  reconcilesSentAgain: (count) => `${counted(count, 'check')} continued`,
  teamsEnded: (count) => `${counted(count, 'member')} of closed teams ended`,
  credentialsDestroyed: (count) => `${counted(count, 'credential')} destroyed`,
  historyPruned: (count) => `${counted(count, 'old run')} deleted`,
  partsFailed: (count) =>
    `${counted(count, 'part')} failed and ${count === 1 ? 'is' : 'are'} retried`,
  chained: (count) => `${counted(count, 'event')} linked`,
  accountsSent: (count) => `${counted(count, 'provider account')} to read`,
  creditsUnread: () => 'the credits could not be read',
  keysCompared: (count) => `${counted(count, 'key')} compared`,
  differences: (count) => `${counted(count, 'difference')} found`,
  providerUnread: () => 'the provider could not be read',
  alreadyRunning: () => 'a check was running already',
  samplesDeleted: (count) => `${counted(count, 'reading')} deleted`,
  checksDeleted: (count) => `${counted(count, 'old check')} deleted`,
  erased: (count) => `${counted(count, 'person', 'people')} erased`,
  sessionsForgotten: (count) => `${counted(count, 'session')} deleted`,
  holdsForgotten: (count) => `${counted(count, 'fingerprint')} deleted`,
  rows: (count) => `${counted(count, 'row')} backed up`,
  opened: (count) => `${counted(count, 'month')} opened`,
}
const failures: ReadonlySet<string> = new Set(['partsFailed', 'creditsUnread', 'providerUnread'])

type Last = NonNullable<ScheduleView['last']>

/** How a run ended: its counts, or its error as a sentence. */
export function outcomeMessage(last: Last): { text: string; failed: boolean } {
  if (last.outcome !== 'done') {
    const next = last.outcome === 'failed' ? '' : ' Retrying automatically.'
    return { text: `Failed: ${last.reason ?? 'no reason was recorded.'}${next}`, failed: true }
  }
  const found = Object.entries(last.counts).filter(
    ([name, count]) => count > 0 && countLabels[name],
  )
  const text = found.map(([name, count]) => countLabels[name]?.(count)).join(', ')
  return {
    text: text === '' ? 'Done: nothing was due.' : `Done: ${text}.`,
    failed: found.some(([name]) => failures.has(name)),
  }
}

export const durationMessage = (ms: number): string =>
  ms < 1_000 ? `${Math.max(1, Math.round(ms))} ms` : `${Math.round(ms / 100) / 10} s`

/** What stands still while a queue is paused, in plain words. */
const pauseMeans: Record<JobName, string> = {
  'mint-key':
    'Nobody gets a key. People can still claim, and they wait without being told why. ' +
    'To tell them, use “Pause key creation” on the Queue page instead.',
  'mint-service-key': 'No team gets a new key. Members wait without being told why.',
  'apply-key':
    'Keys that end, are disabled or get another limit keep working at the provider as they are. ' +
    'Money may be spent that should not be.',
  'stop-at-cap':
    'A key whose cap Keymint holds is stopped up to a quarter of a minute late, by the sweep.',
  'read-account':
    'Usage is not read: amounts grow old, and caps that Keymint holds do not stop a key.',
  'read-account-facts':
    'Balances and spending by model are not read: teams see older ones, with their age.',
  'read-accounts':
    'Usage and credits are not read: amounts grow old, and caps that Keymint holds do not stop a key.',
  'bind-guardrail': 'New keys have no guardrail: they can use every model.',
  'bulk-action': 'Actions of staff on many claims wait.',
  'reconcile-check': 'Differences between the provider and our rows are not found.',
  'reconcile-fix': 'Repairs wait.',
  'reading-retention': 'Old readings are kept for longer.',
  'keep-spares': 'No new pre-minted keys are made; claims are served one by one.',
  'make-receipt': 'Receipts wait.',
  doctor: 'The readiness check cannot run.',
  'roll-months': 'Nothing is lost: a month is opened when it is first used.',
  sweep:
    'Expired keys are not ended, caps and limits are not moved, and work whose job was lost is not found.',
  'chain-audit': 'New events of the audit trail are not linked until you resume.',
  'make-backup': 'No backup is made.',
  'deliver-alert': 'Nobody is told when something is wrong.',
  retention: 'Data past its time is kept for longer.',
}

export const pauseMeaning = (name: JobName): string => pauseMeans[name]

export const stakesTitle: Record<NonNullable<QueueStakes>, string> = {
  keys: 'While it is paused, nobody gets a key',
  limits: 'While it is paused, Keymint does not enforce ends and limits',
}

export const queueCounts = ({ waiting, running }: QueueView): string =>
  waiting.count === 0 && running === 0
    ? 'Empty'
    : `${countLabel(waiting)} waiting, ${running.toLocaleString('en-US')} running`

export const runNowMessages: Record<RunNowOutcome, (name: string) => string> = {
  starts: (name) => `“${jobLabel(name)}” starts within two seconds.`,
  running: (name) => `“${jobLabel(name)}” is running. It never runs twice at once.`,
  paused: (name) => `“${jobLabel(name)}” is paused. Resume it first.`,
  'ran-just-now': (name) => `“${jobLabel(name)}” was started a moment ago. Wait ten seconds.`,
}

export const pauseMessages: Record<
  Exclude<PauseOutcome, 'name-not-typed'>,
  (name: string) => string
> = {
  paused: (name) =>
    `“${jobLabel(name)}” is paused. Jobs that run finish; those that wait keep their place.`,
  'reason-changed': (name) => `“${jobLabel(name)}” was paused already. It has your reason now.`,
}
