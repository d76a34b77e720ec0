/** Each job in words, and what cancelling it would mean. */
import type { JobName } from '~/adapters/job-catalog'

export type CancelMeans =
  /** The claim is refused with words, and its money and seat go back. */
  | 'refuse-mint'
  /** The key stays unbound until a person asks for it. */
  | 'leave-unbound'
  /** The schedule sends the next one anyway. */
  | 'skip-once'
  | 'never'

type JobKind = {
  words: string
  cancel: CancelMeans
  /** Jobs that a bulk retry lets run at once; the next ones follow five seconds later. */ perStagger: number
}

const scheduled = { cancel: 'skip-once', perStagger: 20 } as const
const lasting = { cancel: 'never', perStagger: 20 } as const

/** Every job of the catalog has its words here; a new one without does not compile. */
const kinds: Record<JobName, JobKind> = {
  'mint-key': { words: 'Make a key', cancel: 'refuse-mint', perStagger: 20 },
  'mint-service-key': { words: 'Make a team’s key', cancel: 'refuse-mint', perStagger: 20 },
  'apply-key': { words: 'Apply a change to a key', ...lasting },
  'read-account': { words: 'Read the keys of one account', ...scheduled },
  'read-accounts': { words: 'Read all accounts', ...scheduled },
  // A hundred of them go in one call.
  'bind-guardrail': { words: 'Attach limits to a key', cancel: 'leave-unbound', perStagger: 100 },
  'reconcile-check': { words: 'Compare everything with the provider', ...scheduled },
  'reconcile-fix': { words: 'Fix what differs at the provider', ...lasting },
  'tidy-readings': { words: 'Thin out old readings', ...scheduled },
  'make-receipt': { words: 'Make a receipt', ...lasting },
  doctor: { words: 'Ask the doctor', ...lasting },
  'chain-audit': { words: 'Chain the audit trail', ...lasting },
  tidy: { words: 'Erase and forget what is due', ...scheduled },
  sweep: { words: 'Find lost work', ...lasting },
  'bulk-action': { words: 'Carry out a bulk action', ...lasting },
  'roll-months': { words: 'Open the new month', ...scheduled },
}

/** Dead letters are named after their job. */
export function jobKindOf(name: string): JobKind {
  const living = name.replace(/-dead$/, '')
  const kind = Object.hasOwn(kinds, living) ? kinds[living as JobName] : { words: name, ...lasting }
  return living === name ? kind : { ...kind, words: `${kind.words} (dead letter)`, cancel: 'never' }
}

/** What a person who is about to cancel must know. */
export const cancelMessage: Record<CancelMeans, string> = {
  'refuse-mint':
    'No key will be made: the claim is refused with your reason, the person reads it on their page, and the money and the seat go back to the pool. A claim can be tried again later.',
  'leave-unbound':
    'The key keeps working without its limits on models: it stays unbound, and nothing tries again until a person does.',
  'skip-once': 'This one run is left out. The schedule sends the next one by itself.',
  never: 'This job keeps the rest alive and cannot be cancelled.',
}
