/** Sentences for what the judgement finds, and the one that a page leads with. */
import {
  isBanner,
  type BannerCause,
  type Finding,
  type Health,
} from '~/domain/operations/judgement'
import { alertMessage } from './alerts'
import { delayLabel } from './delays'
import { jobLabel } from './jobs'
import { counted, listed, numberText, sentenceOf, spanOf, withoutStop, type Message } from './text'
import { turnedAwayReason } from './turned-away'

export function healthMessage(finding: Finding): Message {
  if (isBanner(finding)) {
    const { title, remedy } = alertMessage(finding)
    return { sentence: sentenceOf(title), remedy }
  }
  const [sentence, remedy = null] = textOf(finding)
  return { sentence, remedy }
}

function textOf(
  cause: Exclude<Finding, Finding<BannerCause>>,
): [sentence: string, remedy?: string] {
  switch (cause.code) {
    case 'file-broken':
      return [
        'The workshop file has an error, so nobody can claim. Keys given out keep working.',
        'Correct the file and deploy.',
      ]
    case 'file-gone':
      return [
        'The workshop file no longer exists, so the workshop is closed. Keys given out keep working.',
      ]
    case 'waiting':
      return [
        `${numberText(cause.withKey)} of ${numberText(cause.total)} have a key. ` +
          `${numberText(cause.waiting)} ${cause.waiting === 1 ? 'waits' : 'wait'}, ` +
          `longest ${spanOf(cause.seconds)}${cause.why ? `: ${delayLabel(cause.why)}.` : '.'}`,
      ]
    case 'limits-refused':
      return [
        `The provider refused to assign the guardrail to ${counted(cause.keys, 'key')}.`,
        'Remove the cause, then assign the guardrail again.',
      ]
    case 'unbound': {
      const all = cause.keys === cause.ready ? 'All ' : `${numberText(cause.keys)} of `
      const keys = `${all}${counted(cause.ready, 'key')} ${cause.ready === 1 ? 'is' : 'are'} unbound`
      const why = cause.error ? `: ${withoutStop(cause.error)}.` : '.'
      return [`${keys}, so any model is allowed${why}`]
    }
    case 'missing':
      return [
        `The provider no longer has ${counted(cause.keys, 'key')} of ready claims.`,
        cause.keys === 1 ? 'Replace it.' : 'Replace them.',
      ]
    case 'refused':
      return [
        `${numberText(cause.claims)} of ${counted(cause.total, 'claim')} ` +
          `${cause.claims === 1 ? 'was' : 'were'} refused` +
          refusedWhy(cause),
        'Remove the cause, then create the keys again.',
      ]
    case 'disabled':
      return [`${counted(cause.keys, 'key')} ${cause.keys === 1 ? 'is' : 'are'} disabled.`]
    case 'overrun':
      return [
        `${cause.amount.text} was spent beyond what was committed: requests in flight can pass a limit.`,
      ]
    case 'full':
      return [`All ${counted(cause.seats, 'seat')} are taken. Nobody was turned away lately.`]
    case 'turned-away': {
      const why = cause.reasons.map(({ reason, count }) =>
        cause.reasons.length === 1
          ? turnedAwayReason(reason)
          : `${numberText(count)} because ${turnedAwayReason(reason)}`,
      )
      return [
        `${counted(cause.count, 'try', 'tries')} to claim ${cause.count === 1 ? 'was' : 'were'} turned ` +
          `away in the last ${cause.minutes} minutes: ${why.join(', ')}.`,
        cause.full ? 'For more seats, raise max_keys or limit_usd in the file.' : undefined,
      ].filter((part) => part !== undefined) as [string, string?]
    }
    case 'limit-used':
      return [
        `${counted(cause.keys, 'key')} ${cause.keys === 1 ? 'has used its' : 'have used their'} limit.`,
      ]
    case 'no-worker':
      return cause.quietSeconds === null
        ? [
            'No worker has ever reported, so no keys are created.',
            'Start one with `npm run worker`.',
          ]
        : [
            `No worker has reported for ${spanOf(cause.quietSeconds)}, so no keys are created.`,
            'Check the worker processes.',
          ]
    case 'switched-off':
      return [
        'Key creation is disabled by PROVISIONING_ENABLED.',
        'Set it to “true” before claims open, and deploy.',
      ]
    case 'paused':
      return [
        `Key creation is paused${cause.by ? ` by ${cause.by}` : ''}: ` +
          sentenceOf(cause.reason ?? 'no reason given'),
        'Resume it on the Queue page.',
      ]
    case 'queue-paused':
      return [
        `The queue “${jobLabel(cause.queue)}” is paused by ${cause.by}: ${sentenceOf(cause.reason)}` +
          (cause.stakes === 'limits' ? ' Keys keep limits and ends that are out of date.' : ''),
        'Resume it on the Schedules page.',
      ]
    case 'cooling-down':
      return [
        `${sentenceOf(withoutStop(cause.message))} ` +
          (cause.seconds > 0
            ? `Key creation is cooling down for another ${spanOf(cause.seconds)}, then tries one key.`
            : 'One key is being tried now.'),
      ]
    case 'workers-behind':
      return [
        `A due job has waited for ${spanOf(cause.seconds)}: the workers cannot keep up.`,
        'Start another worker.',
      ]
    case 'long-wait':
      return [`The oldest due job has waited for ${spanOf(cause.seconds)}.`]
    case 'calls-failing':
      return [
        `${numberText(cause.failed)} of ${numberText(cause.total)} calls that create keys failed ` +
          `in the last ${cause.minutes} minutes and are not made good yet.`,
      ]
    case 'runs-fail':
      return [
        `${numberText(cause.failed)} of ${numberText(cause.total)} jobs of the last ${cause.minutes} minutes fail.`,
      ]
    case 'files-broken':
      return [
        `${counted(cause.files, 'workshop file')} cannot be read, so nobody can claim there.`,
        'Correct the file and deploy.',
      ]
    case 'unbounded':
      return [
        `${listed(cause.slugs)} ${cause.slugs.length === 1 ? 'has' : 'have'} neither a pool nor a ` +
          'maximum of keys, so whether the credits suffice is unknown.',
        'Set limit_usd or max_keys in its file.',
      ]
    case 'backup-failed':
      return [
        `The nightly backup failed: ${sentenceOf(cause.error)} ` +
          (cause.hours === null
            ? 'None was ever made.'
            : `The newest one is ${counted(cause.hours, 'hour')} old.`),
        'Remove the cause, then run “Make a backup” on the Schedules page.',
      ]
    case 'backup-late':
      return [
        `The newest backup is ${counted(cause.hours, 'hour')} old, though one is due every night` +
          (cause.error === null ? '.' : `. The last try failed: ${sentenceOf(cause.error)}`),
        cause.error === null
          ? 'Check BACKUP_DIR of the worker, then run “Make a backup” on the Schedules page.'
          : 'Remove the cause, then run “Make a backup” on the Schedules page.',
      ]
  }
}

function refusedWhy({ reason, detail }: { reason: string | null; detail: string | null }): string {
  if (detail !== null && reason === 'rejected-by-provider')
    return `: the provider said “${withoutStop(detail)}”.`
  if (reason === 'gave-up') return ': no try got a clear answer.'
  if (reason === 'expired-before-mint') return ': the keys would have ended before they were made.'
  return '.'
}

export const nothingToDo = 'Nothing to do: Keymint continues automatically.'

export const healthText = (finding: Finding): string => {
  const { sentence, remedy } = healthMessage(finding)
  const help = remedy ?? (finding.help === 'waits' ? nothingToDo : null)
  return help ? `${sentence} ${help}` : sentence
}

type Calm = { open: { title: string; withKey: number; total: number }[] }

/** What /admin leads with: the worst of what matters, or how many have a key. */
export function headlineText({
  worst,
  calm: { open },
}: {
  worst: Finding | null
  calm: Calm
}): string {
  if (worst) return findingHeadline(worst)
  const [first] = open
  if (!first) return 'No workshop is open.'
  const withKey = open.reduce((sum, one) => sum + one.withKey, 0)
  const total = open.reduce((sum, one) => sum + one.total, 0)
  if (open.length > 1)
    return total === 0
      ? `${open.length} workshops are open. Nobody has claimed yet.`
      : `${open.length} workshops are open: ${numberText(withKey)} of ${numberText(total)} have a key.`
  return total === 0
    ? `${first.title} is open. Nobody has claimed yet.`
    : `${first.title} is open: ${numberText(withKey)} of ${numberText(total)} have a key.`
}

/** Of one finding, with the workshop that it is about. */
export function findingHeadline(finding: Finding): string {
  const { sentence } = healthMessage(finding)
  return finding.workshop && !isBanner(finding)
    ? `${finding.workshop.title}: ${sentence}`
    : sentence
}

/** On a workshop's own page its name is the title already. */
export const ownHeadline = (finding: Finding): string => healthMessage(finding).sentence

/** The system in one line: its worst reason, and how many stand beside it. */
export function systemLine({ severity, reasons }: Health): string {
  const worst = reasons.filter((reason) => reason.severity === severity)
  if (severity === 'ok' || !worst[0]) return 'Everything works.'
  return `${healthText(worst[0])}${worst.length > 1 ? ` And ${worst.length - 1} more.` : ''}`
}

/** A workshop in one line: its claims. */
export function workshopLine({
  window,
  counts,
}: {
  window: 'upcoming' | 'open' | 'closed' | null
  counts: { total: number; ready: number; pending: number; refused: number; unbound: number }
}): string {
  if (counts.total === 0)
    return window === 'upcoming' ? 'Claims are not open yet.' : 'No claims yet.'
  const parts = [
    `${counts.ready} ready`,
    counts.pending > 0 ? `${counts.pending} waiting` : null,
    counts.refused > 0 ? `${counts.refused} refused` : null,
    counts.unbound > 0 ? `${counts.unbound} unbound` : null,
  ]
  return `${counted(counts.total, 'claim')}: ${parts.filter((part) => part !== null).join(', ')}.`
}
