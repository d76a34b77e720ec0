/**
 * What /me says after something was done, or could not be. Only our own codes have words, whatever
 * the address says.
 */
import type { ErasureBlock } from '~/domain/people/erase.server'

type Notice = { tone: 'ok' | 'warning' | 'plain'; title: string; words: string }

export const notices = {
  'session-ended': {
    tone: 'ok',
    title: 'That browser is signed out.',
    words: 'Whoever uses it now has to sign in again.',
  },
  'others-ended': {
    tone: 'ok',
    title: 'You are signed out everywhere else.',
    words: 'Only this browser is still signed in.',
  },
  'nothing-to-end': {
    tone: 'plain',
    title: 'There was nothing to end.',
    words: 'That session was over already.',
  },
  withdrawn: {
    tone: 'ok',
    title: 'You will not be told of workshops any more.',
    words: 'Your agreement counts as withdrawn from now on.',
  },
  unlinked: {
    tone: 'ok',
    title: 'That sign-in is taken off.',
    words:
      'It does not lead to this account any more, and browsers that were signed in with it are signed out.',
  },
  'the-last-one': {
    tone: 'warning',
    title: 'It is your only sign-in.',
    words: 'Without it nobody could get into this account, you included. Add the other one first.',
  },
  'signed-in-with-it': {
    tone: 'warning',
    title: 'You are signed in with it now.',
    words:
      'Sign in with the other one first, which also proves that it works; then take this one off.',
  },
  'not-linked': {
    tone: 'plain',
    title: 'There was nothing to take off.',
    words: 'That sign-in is not linked to this account.',
  },
  'given-back': {
    tone: 'ok',
    title: 'You gave the key back.',
    words:
      'It is switched off. What it has used is settled within a few minutes, and the rest goes back to the workshop.',
  },
  'not-live': {
    tone: 'plain',
    title: 'There was nothing to give back.',
    words: 'That key has ended already.',
  },
  'given-back-soon': {
    tone: 'plain',
    title: 'You gave the key back.',
    words:
      'It cannot be shown any more. The provider does not answer just now: it is told to switch the key off as soon as it does. What the key has used is settled after that.',
  },
  'not-confirmed': {
    tone: 'warning',
    title: 'Nothing was erased.',
    words: 'Type the word “erase” into the field to confirm, then press the button again.',
  },
} as const satisfies Record<string, Notice>

export type NoticeCode = keyof typeof notices

export function isNoticeCode(code: string | null): code is NoticeCode {
  return code !== null && Object.hasOwn(notices, code)
}

/** Why somebody cannot be erased yet, and what ends that. */
export const blockWords: Record<ErasureBlock['kind'], string> = {
  'being-made': 'its key is being made. Give the claim back above, or wait until the key is ready.',
  live: 'its key is live. Give it back above, or wait until it ends.',
  ending: 'its key has just ended and is being put away. That takes a minute.',
  'not-settled':
    'its key has ended, and what it has used is being settled. That takes a few minutes.',
  'in-team':
    'you are in this team. Leave it first; its keys then end, and what is left returns to the team.',
  'sub-key-not-settled':
    'a key of yours there has ended, and what it has used is being settled. That takes a few minutes.',
}
