/**
 * What /me says after something was done, or could not be. Only our own codes have a message,
 * whatever the address says.
 */
import type { ErasureBlock } from '~/domain/people/erase.server'
import type { JoinView } from '~/domain/people/join-accounts.server'

type Notice = { tone: 'ok' | 'warning' | 'plain'; title: string; meaning: string }

export const notices = {
  'session-ended': {
    tone: 'ok',
    title: 'That browser is signed out',
    meaning: 'To use your account there, somebody has to sign in again.',
  },
  'others-ended': {
    tone: 'ok',
    title: 'You are signed out everywhere else',
    meaning: 'Only this browser is still signed in.',
  },
  'nothing-to-end': {
    tone: 'plain',
    title: 'Already signed out',
    meaning: 'That session had ended before.',
  },
  withdrawn: {
    tone: 'ok',
    title: 'You are unsubscribed',
    meaning: 'You will get no more emails about workshops.',
  },
  unlinked: {
    tone: 'ok',
    title: 'Sign-in disconnected',
    meaning: 'It no longer opens this account. Browsers that used it are signed out.',
  },
  joined: {
    tone: 'ok',
    title: 'Your accounts are joined',
    meaning: 'Both sign-ins now open this account.',
  },
  'another-account': {
    tone: 'warning',
    title: 'You are in another account now',
    meaning:
      'That sign-in has an account of its own, and the two cannot be joined: ' +
      'their emails differ, or both are in use. To go back, sign in the way you did before.',
  },
  'the-last-one': {
    tone: 'warning',
    title: 'This is your only sign-in',
    meaning: 'Without it you would lose access to this account. Add the other one first.',
  },
  'signed-in-with-it': {
    tone: 'warning',
    title: 'You are using this sign-in now',
    meaning:
      'Sign in with the other one first, so that we know it works. Then disconnect this one.',
  },
  'not-linked': {
    tone: 'plain',
    title: 'Already disconnected',
    meaning: 'That sign-in does not belong to this account.',
  },
  'given-back': {
    tone: 'ok',
    title: 'You gave the key back',
    meaning: 'It is disabled. Within a few minutes, others can use what was left.',
  },
  'not-live': {
    tone: 'plain',
    title: 'There was nothing to give back',
    meaning: 'That key had ended before.',
  },
  'not-confirmed': {
    tone: 'warning',
    title: 'Your account was not deleted',
    meaning: 'To confirm, type “delete” into the field, then press the button again.',
  },
} as const satisfies Record<string, Notice>

export type NoticeCode = keyof typeof notices

export function isNoticeCode(code: string | null): code is NoticeCode {
  return code !== null && Object.hasOwn(notices, code)
}

/** Why somebody cannot be erased yet, and what ends that. */
export const blockMessages: Record<ErasureBlock['kind'], string> = {
  'being-made': 'we are making its key. Give the claim back above, or wait until it is ready.',
  live: 'its key is live. Give it back above, or wait until it expires.',
  ending: 'its key has ended; removing it takes about a minute.',
  'not-settled': 'its key has ended; the final usage takes a few minutes.',
  'in-team':
    'you are in this team. Leave it first; your keys there then end, and the rest of their budget ' +
    'returns to the team.',
  'sub-key-not-settled': 'a key of yours there has ended; the final usage takes a few minutes.',
}

/** Why two accounts stay two. */
export const joinRefusals: Record<
  NonNullable<JoinView['refusal']>,
  { title: string; meaning: string }
> = {
  'emails-differ': {
    title: 'Their emails differ',
    meaning:
      'We join two accounts only if both providers have verified the same email for you. ' +
      'Change it at one of them, then sign in with both again.',
  },
  'same-provider': {
    title: 'Both use the same provider',
    meaning: 'An account has one sign-in of each provider, so these two stay apart.',
  },
  'both-in-use': {
    title: 'Both accounts are in use',
    meaning:
      'Each has keys, teams or other data of its own, so we cannot join them. ' +
      'Nothing is lost: sign in with the one that you need.',
  },
  banned: {
    title: 'These accounts cannot be joined',
    meaning: 'The organiser has banned one of them. If you think this is a mistake, ask them.',
  },
}
