/** Sentences for a provider account that Keymint has stopped using until a person looks at it. */
import type { ParkedReason } from '~/domain/keys/accounts.server'
import type { Message } from './text'

export function parkedMessage(reason: ParkedReason): Message & { title: string } {
  const stops =
    'No key is created, changed or deleted with it, and no money is released, until somebody opens it.'
  if (reason === 'seal-broken')
    return {
      title: 'The provider account is parked: its credential does not open',
      sentence:
        'Its service, address or team was changed outside Keymint, or its encryption key is missing. ' +
        `Nothing is sent to the address that stands there now. ${stops}`,
      remedy: 'Find out who changed it. Then replace the credential, with its right address.',
    }
  return reason === 'most-keys-absent'
    ? {
        title: 'The provider account is parked: most of its keys are missing',
        sentence: `The credential may belong to another provider account. ${stops}`,
        remedy:
          'Check that the credential belongs to the account that made the keys. Then open the account.',
      }
    : {
        title: 'The provider account is parked: it makes other keys than requested',
        sentence: `Three keys in a row had another limit, reset, expiry or state. They were deleted. ${stops}`,
        remedy: 'Find out why at the provider. Then open the account.',
      }
}
