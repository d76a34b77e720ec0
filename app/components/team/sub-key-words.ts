/** What the states of a sub-key mean, for people. */
import type { SubKeyPhase, SubKeyView } from '~/domain/team/view-types'

export const phaseWords: Record<SubKeyPhase, string> = {
  pending: 'Being made',
  ready: 'Ready',
  changing: 'Cap is changing',
  rotating: 'Being replaced',
  settling: 'Ended, last reading to come',
  ended: 'Ended',
  refused: 'Not made',
}

const endings: Record<string, string> = {
  deleted: 'It was deleted by its holder.',
  revoked: 'An owner of the team ended it.',
  expired: 'Its time is over.',
  'member-removed': 'Its holder is no longer in the team.',
  'member-suspended': 'Its holder was suspended.',
  spent: 'It had nothing left to carry over to a new key.',
  'rejected-by-provider': 'The provider would not make it.',
  'expired-before-mint': 'Its time was over before it could be made.',
  banned: 'Its holder may not get keys from this deployment.',
  'gave-up': 'The provider gave no clear answer for too long.',
}

/** Why it is over, in a sentence. */
export const endingWords = (key: Pick<SubKeyView, 'reason'>) =>
  endings[key.reason ?? ''] ?? 'It can no longer be used.'

const serviceTitles: Record<string, string> = {
  openrouter: 'OpenRouter',
  litellm: 'LiteLLM',
}
export const serviceTitle = (service: string) => serviceTitles[service] ?? service

export const delayWords: Record<string, string> = {
  'rate-limited': 'The provider asks us to slow down. We go on by ourselves.',
  'no-credit':
    'The account behind the master key has no credit. An owner must top it up; we keep trying.',
  unauthorized:
    'The provider does not accept the master key. An owner must replace it in the vault; we keep trying.',
  forbidden:
    'The master key may not make keys. An owner must replace it in the vault; we keep trying.',
  unreachable: 'The provider cannot be reached. We keep trying.',
  'upstream-trouble': 'The provider has trouble. We keep trying.',
  paused: 'Making keys is paused on this deployment. It goes on when the operator says so.',
  'switched-off': 'Making keys is switched off on this deployment.',
}

export const capNoteOf = (key: Pick<SubKeyView, 'reset'>) =>
  key.reset === 'monthly' ? 'a month' : 'in total'
