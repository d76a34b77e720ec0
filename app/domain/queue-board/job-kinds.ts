/** Each job in words, and what cancelling it would mean. A job that is not here may be looked at and retried, not cancelled. */

export type CancelMeans =
  /** The claim is refused with words, and its money and seat go back. */
  | 'refuse-mint'
  /** The key stays unbound until a person asks for it. */
  | 'leave-unbound'
  /** The schedule sends the next one anyway. */
  | 'skip-once'
  | 'never'

type JobKind = { words: string; cancel: CancelMeans; /** Jobs that a bulk retry lets run at once; the next ones follow five seconds later. */ perStagger: number }

const kinds: Record<string, JobKind> = {
  'mint-key': { words: 'Make a key', cancel: 'refuse-mint', perStagger: 20 },
  // A hundred of them go in one call.
  'bind-guardrail': { words: 'Attach limits to a key', cancel: 'leave-unbound', perStagger: 100 },
  'sync-usage': { words: 'Read usage', cancel: 'skip-once', perStagger: 20 },
  'reconcile-keys': { words: 'Compare keys with the provider', cancel: 'skip-once', perStagger: 20 },
  sweep: { words: 'Find lost work', cancel: 'never', perStagger: 20 },
  'bulk-action': { words: 'Carry out a bulk action', cancel: 'never', perStagger: 20 },
  'mint-key-dead': { words: 'Make a key (dead letter)', cancel: 'never', perStagger: 20 },
  'bind-guardrail-dead': { words: 'Attach limits to a key (dead letter)', cancel: 'never', perStagger: 100 },
}

export function jobKindOf(name: string): JobKind {
  return kinds[name] ?? { words: name.replaceAll('-', ' '), cancel: 'never', perStagger: 20 }
}

/** What a person who is about to cancel must know. */
export const cancelWords: Record<CancelMeans, string> = {
  'refuse-mint': 'No key will be made: the claim is refused with your reason, the person reads it on their page, and the money and the seat go back to the pool. A claim can be tried again later.',
  'leave-unbound': 'The key keeps working without its limits on models: it stays unbound, and nothing tries again until a person does.',
  'skip-once': 'This one run is left out. The schedule sends the next one by itself.',
  never: 'This job keeps the rest alive and cannot be cancelled.',
}
