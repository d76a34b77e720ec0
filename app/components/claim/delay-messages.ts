import type { DelayReason } from '~/domain/keys/mint-policy'

/** Why a claim waits. It is never lost: retries are automatic. */
export const delayMessages: Record<DelayReason, { title: string; meaning: string }> = {
  'rate-limited': {
    title: 'The provider asked us to slow down',
    meaning: 'Retrying automatically.',
  },
  'no-credit': {
    title: 'The organiser’s account is out of credit',
    meaning: 'We continue once credit is added. Tell the organiser; you don’t need to claim again.',
  },
  unauthorized: {
    title: 'The provider rejects the organiser’s account',
    meaning: 'The organiser has to repair this. Please tell them; you don’t need to claim again.',
  },
  forbidden: {
    title: 'The provider does not let us create keys',
    meaning:
      'The organiser’s account there is suspended or restricted. ' +
      'Please tell them; you don’t need to claim again.',
  },
  'no-workspace': {
    title: 'The organiser’s account cannot make keys',
    meaning:
      'Something that keys need was deleted there. ' +
      'Please tell the organiser; you don’t need to claim again.',
  },
  unreachable: {
    title: 'We cannot reach the provider',
    meaning: 'Retrying automatically. Nothing for you to do.',
  },
  'upstream-trouble': {
    title: 'The provider failed to answer',
    meaning: 'Retrying automatically. You don’t need to do anything.',
  },
  paused: {
    title: 'The organiser has paused new keys',
    meaning: 'We continue as soon as the pause ends.',
  },
  'switched-off': {
    title: 'The operator has disabled new keys',
    meaning: 'We continue as soon as they are enabled.',
  },
  'former-key': {
    title: 'Your old key is being disabled first',
    meaning: 'Your new key follows as soon as the provider confirms it.',
  },
}
