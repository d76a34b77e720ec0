/** Sentences for what staff should not miss on any page: each has a headline of its own. */
import type { BannerCause, Finding } from '~/domain/operations/judgement'
import { parkedMessage } from './parked'
import { counted, sentenceOf, type Message } from './text'

const addCredit = 'Add credit at https://openrouter.ai/settings/credits.'

type CreditAlert = Extract<Finding<BannerCause>, { code: 'credits-low' }>

function creditTitle({ level, left }: CreditAlert): string {
  if (level === 'none') return 'The account has no credit left'
  const than = {
    'below-promised': 'keys given out may spend',
    'below-half': 'half of what all open seats could spend',
    'below-claimable': 'all open seats could spend',
  }[level]
  return `The account has ${left.text} left, less than ${than}`
}

function creditSentence({ level, promised, claimable }: CreditAlert): string {
  if (level === 'none' || level === 'below-promised')
    return (
      `Keys given out may spend ${promised.text} more. ` +
      'When the account is empty, all keys stop working and no new key can be created.'
    )
  return (
    `Keys given out may spend ${promised.text} more, ` +
    `and ${claimable.text} can still be claimed within a day.`
  )
}

export function alertMessage(alert: Finding<BannerCause>): Message & { title: string } {
  const name = alert.workshop?.title ?? ''
  switch (alert.code) {
    case 'pool-80': {
      const { committed, limit, spent, roomForKeys } = alert
      const left =
        roomForKeys === 0
          ? 'No room for another key.'
          : `Room for ${counted(roomForKeys, 'more key', 'more keys')}.`
      return {
        title: `${name}: ${alert.percent} % of the pool is committed`,
        sentence: [
          `${committed.text} of ${limit.text} is committed to keys.`,
          ...(spent ? [`${spent.text} of it is spent.`] : []),
          left,
        ].join(' '),
        remedy: 'To allow more keys, raise limit_usd in the workshop’s file.',
      }
    }
    case 'pool-passed':
      return {
        title: `${name} is ${alert.over.text} over its pool`,
        sentence:
          `${alert.committed.text} is committed and the file allows ${alert.limit.text}. ` +
          'Either limit_usd was lowered, or requests in flight passed a limit and were charged.',
        remedy:
          'No new keys until the pool is below its limit: raise limit_usd or wait for keys to end.',
      }
    case 'keys-over-limit':
      return {
        title: `${name}: ${counted(alert.keys, 'key')} over the limit by ${alert.over.text} in total`,
        sentence:
          'The provider finishes and charges requests that are in flight when a limit is reached. ' +
          'The overrun is charged to the pool when the key ends.',
        remedy: null,
      }
    case 'credits-low':
      return { title: creditTitle(alert), sentence: creditSentence(alert), remedy: addCredit }
    case 'credits-unread':
      return {
        title: 'The account’s credits cannot be read',
        sentence:
          `Last error: ${sentenceOf(alert.error)} ` +
          'Whether the credit is enough is unknown until a reading succeeds.',
        remedy: null,
      }
    case 'usage-stale':
      return {
        title: 'The usage of keys is out of date',
        sentence:
          (alert.error ? `Last error: ${sentenceOf(alert.error)} ` : 'No worker has read it. ') +
          'Limits still hold: the provider enforces them. The spending on these pages is old.',
        remedy: null,
      }
    case 'account-parked':
      return parkedMessage(alert.reason)
    case 'drift':
      return {
        title:
          `${counted(alert.open, 'difference')} with the provider ` +
          (alert.open === 1 ? 'needs a decision' : 'need a decision'),
        sentence: 'The Reconcile page shows what differs and what a repair would do.',
        remedy: null,
      }
  }
}
