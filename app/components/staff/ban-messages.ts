import type { BanRefusal } from '~/domain/people/ban.server'

/** Why a person was not banned. */
export const banRefusals: Record<BanRefusal, string> = {
  'no-reason': 'Enter a reason. The person gets it when they ask.',
  yourself: 'You cannot ban yourself: you would lose access to these pages.',
  'no-such-person': 'This person does not exist any more.',
}
