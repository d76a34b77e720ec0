/** Why a sub-key could not be changed: a heading and what to do. */
import { formatUsd, type NanoUsd } from '~/money'
import { positiveAmount } from './amount-messages'
import { ceilingDetail } from './ceiling-messages'

export const keyProblems = {
  'bad-cap': { title: 'The cap is not an amount', next: positiveAmount },
  'stale-cap': {
    title: 'Somebody changed the cap in the meantime',
    next: 'Nothing was changed. This page shows the present cap.',
  },
  'no-reason': {
    title: 'A reason is missing',
    next: 'Enter a reason. It is recorded in the audit trail.',
  },
  'reason-too-long': {
    title: 'The reason is too long',
    next: 'Use at most 500 characters. Nothing was changed.',
  },
  'bad-project': { title: 'The project is too long', next: 'Use at most 40 characters.' },
  'no-such-key': { title: 'This key no longer exists', next: null },
  'not-live': {
    title: 'The key cannot be changed',
    next: 'It has ended, or is not ready yet.',
  },
  'change-under-way': {
    title: 'A change of this key is in progress',
    next: 'Wait until it is done, then try again.',
  },
  'not-active': {
    title: 'The holder of this key is suspended',
    next: 'The key cannot be changed.',
  },
  'not-enough': { title: 'The budget is not enough for this cap', next: null },
  'team-ceiling': { title: 'The team’s ceiling is not enough for this cap', next: null },
  'below-used': { title: 'A cap cannot be lower than what is spent', next: null },
  'no-master-key': {
    title: 'The credential behind this key is disabled',
    next:
      'The cap can only be lowered, and the key cannot be replaced. ' +
      'An owner can enable the credential in the vault.',
  },
  'not-replaceable': {
    title: 'This one cannot be replaced',
    next: 'Delete it and make another.',
  },
  'no-overlap': {
    title: 'The old key of this kind cannot go on beside a new one',
    next: 'Replace it without an overlap: the old key stops at once.',
  },
  'bad-overlap': {
    title: 'The overlap is not a number of hours',
    next: 'Choose 0 to 24 whole hours. Nothing was changed.',
  },
  'end-not-later': {
    title: 'The new end is not later than the present one',
    next: 'Choose a later one. To end the key sooner, delete it when you no longer need it. Nothing was changed.',
  },
  'end-too-late': {
    title: 'The new end is too late',
    next: 'A key ends a year from now at the latest. Nothing was changed.',
  },
  'end-not-here': {
    title: 'The end of this key cannot be moved',
    next: 'Its service ends it. Replace it with a key that ends later. Nothing was changed.',
  },
  'stale-end': {
    title: 'Somebody moved the end in the meantime',
    next: 'Nothing was changed. This page shows the present end.',
  },
  'bad-end': { title: 'Choose an end', next: 'Nothing was changed.' },
  'no-old-key': {
    title: 'There is no old key any more',
    next: 'It has ended already.',
  },
  'no-such-member': {
    title: 'This person is not in the team',
    next: 'Choose another member.',
  },
  'other-holder': {
    title: 'Somebody else holds this key by now',
    next: 'Nothing was changed. This page shows who holds it.',
  },
  'no-live-keys': {
    title: 'They have no live key any more',
    next: 'Their keys were handed over before, or have ended.',
  },
  'same-holder': { title: 'They hold this key already', next: 'Choose another member.' },
  'not-able': {
    title: 'This member can hold no keys',
    next: 'They are suspended or a viewer. Choose another member.',
  },
  'too-many-keys': {
    title: 'This member has as many keys as the team allows',
    next: 'Choose another member, or end one of their keys.',
  },
  'budget-short': { title: 'The budget of the new holder is not enough', next: null },
  'month-open': {
    title: 'Last month’s usage of this key is not read yet',
    next: 'Try again in a few minutes.',
  },
  'nothing-left': {
    title: 'Nothing is left on this key',
    next: 'Delete it and make another.',
  },
} as const

export type KeyProblem = keyof typeof keyProblems

/** The problem, and the amount that it is about where there is one. */
export function keyProblem(refusal: {
  reason: Exclude<KeyProblem, 'bad-cap' | 'bad-project' | 'bad-overlap' | 'bad-end' | 'no-reason'>
  free?: NanoUsd
  used?: NanoUsd
  ceiling?: NanoUsd
  left?: NanoUsd
  owners?: string[]
}): { problem: KeyProblem; detail: string | null } {
  const { ceiling, left, owners } = refusal
  if (ceiling !== undefined && left !== undefined && owners !== undefined)
    return {
      problem: refusal.reason,
      detail: `${ceilingDetail({ ceiling, left, owners })} Nothing was changed.`,
    }
  const detail =
    refusal.free !== undefined
      ? `${refusal.free > 0n ? formatUsd(refusal.free) : 'Nothing'} is free. Nothing was changed.`
      : refusal.used !== undefined
        ? `${formatUsd(refusal.used)} is spent. Nothing was changed.`
        : null
  return { problem: refusal.reason, detail }
}
