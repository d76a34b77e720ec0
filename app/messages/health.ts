/** Sentences for the health of a workshop and of the system. */
import type { Health, HealthCause } from '~/domain/operations/health'
import { providerErrorMessage } from '~/domain/error-text'
import { counted, sentenceOf, spanOf, withoutStop, type Message } from './text'

export function healthMessage(cause: HealthCause): Message {
  const [sentence, remedy = null] = textOf(cause)
  return { sentence, remedy }
}

function textOf(cause: HealthCause): [sentence: string, remedy?: string] {
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
    case 'person-waiting':
      return [`Somebody has waited for a key for ${spanOf(cause.seconds)}.`]
    case 'limits-refused':
      return [
        `The provider refused the model limits of ${counted(cause.keys, 'key')}.`,
        'Remove the cause, then assign the limits again.',
      ]
    case 'unbound': {
      const keys = `${counted(cause.keys, 'key')} ${cause.keys === 1 ? 'has' : 'have'} no model limits yet`
      return [
        cause.error
          ? `${keys}: ${withoutStop(cause.error)}. Retrying automatically.`
          : `${keys}; retrying automatically.`,
      ]
    }
    case 'missing':
      return [
        `The provider no longer has ${counted(cause.keys, 'key')} of ready claims.`,
        cause.keys === 1 ? 'Replace it.' : 'Replace them.',
      ]
    case 'refused':
      return [
        `${counted(cause.claims, 'claim')} ${cause.claims === 1 ? 'was' : 'were'} refused.`,
        'Retry once the cause is gone.',
      ]
    case 'disabled':
      return [`${counted(cause.keys, 'key')} ${cause.keys === 1 ? 'is' : 'are'} disabled.`]
    case 'overrun':
      return [
        `${cause.amount.text} was spent beyond what was committed: requests in flight can pass a limit.`,
      ]
    case 'pool-passed':
      return [
        `${cause.committed.text} is committed, more than the pool of ${cause.limit.text}. No new key is created.`,
      ]
    case 'full':
      return ['The workshop is full: no more keys fit.']
    case 'pool-80':
      return ['Over 80 % of the pool is committed.']
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
      return ['Key creation is disabled by PROVISIONING_ENABLED.']
    case 'paused':
      return [`Key creation is paused: ${sentenceOf(cause.reason)}`]
    case 'cooling-down':
      return [
        `${providerErrorMessage[cause.reason] ?? 'The provider refused the last call'}. ` +
          `Key creation continues automatically in ${spanOf(cause.seconds)}.`,
      ]
    case 'jobs-waiting':
      return [
        `The oldest of ${counted(cause.waiting, 'waiting job')} has waited for ${spanOf(cause.seconds)}.`,
      ]
    case 'calls-failing':
      return [
        `${cause.failed} of ${cause.total} calls that create keys failed in the last ${cause.minutes} minutes.`,
      ]
    case 'files-broken':
      return [`${counted(cause.files, 'workshop file')} cannot be read: see below.`]
    case 'credits-unread':
      return ['The provider credits have not been read yet.']
    case 'unbounded':
      return [
        'An open giveaway has no limit, so whether the credits suffice is unknown.',
        'Give its file limit_usd or max_keys.',
      ]
    case 'credits-low':
      return [
        cause.level === 'below-promised'
          ? `The account has ${cause.left.text} left; keys given out may spend ${cause.promised.text} more.`
          : `The account has ${cause.left.text} left; keys given out may spend ${cause.promised.text} more ` +
            `and ${cause.claimable.text} can still be claimed within a day.`,
        'Add credit at the provider.',
      ]
  }
}

export const healthText = (cause: HealthCause): string => {
  const { sentence, remedy } = healthMessage(cause)
  return remedy ? `${sentence} ${remedy}` : sentence
}

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
