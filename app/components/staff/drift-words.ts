/** Every kind of drift in words. The compiler finds a kind without. */
import type { DriftKind } from '~/domain/keys/drift'

export const driftWords: Record<DriftKind, { title: string; meaning: string }> = {
  'guardrail-differs': {
    title: 'Guardrails that differ from their file',
    meaning:
      'The list of models or the budget at the provider is not what the workshop’s file says.',
  },
  orphan: {
    title: 'Orphans',
    meaning:
      'Keys that we made and no row holds. They are proven to be ours by the name of an attempt.',
  },
  unbound: {
    title: 'Unbound keys',
    meaning: 'Keys in use that hang on no guardrail, or whose row does not know that they do.',
  },
  disabled: {
    title: 'Switched off, or on, against our rows',
    meaning: 'The provider lets a key spend that should not, or refuses one that may.',
  },
  'wrong-limit': {
    title: 'Caps that differ',
    meaning: 'The cap of a key at the provider is not the one that was reserved for it.',
  },
  'wrong-expiry': {
    title: 'Ends that differ',
    meaning: 'The end of a key at the provider cannot be changed. It can only be replaced.',
  },
  dangling: {
    title: 'Keys that are gone',
    meaning:
      'A row holds a key that the provider says does not exist. It was asked about each by itself.',
  },
  unexplained: {
    title: 'Keys that nobody can explain',
    meaning:
      'They bear this installation’s id, and no attempt of ours has their name. Nothing here touches them.',
  },
}
