/** Why a key could not be changed. */
import { formatUsd, type NanoUsd } from '~/money'

export const keyProblems = {
  'bad-cap': 'Enter an amount in dollars above zero, such as 20 or 12.50.',
  'no-reason': 'Enter a reason for the audit trail.',
  'no-such-key': 'This key does not exist any more.',
  'not-live': 'You cannot change this key: it has ended, or we are still making it.',
  'change-under-way': 'This key is being changed. Wait a moment, then try again.',
  'not-active': 'Its holder is suspended, so you cannot change it.',
  'not-enough': 'The budget is too small for that.',
  'below-used': 'The cap cannot be lower than what is spent.',
  'no-master-key':
    'Its master key is disabled, so you can only lower the cap. ' +
    'An owner can enable the master key in the vault.',
  'nothing-left': 'Nothing is left on this key to carry over. Delete it and make another.',
} as const

export type KeyProblem = keyof typeof keyProblems

export function keyProblem(refusal: {
  reason: Exclude<KeyProblem, 'bad-cap' | 'no-reason'>
  free?: NanoUsd
  used?: NanoUsd
}): { problem: KeyProblem; detail: string | null } {
  if (refusal.free !== undefined)
    return {
      problem: refusal.reason,
      detail:
        refusal.free > 0n
          ? `${formatUsd(refusal.free)} is free. Nothing has changed.`
          : 'Nothing is free. Nothing has changed.',
    }
  if (refusal.used !== undefined)
    return {
      problem: refusal.reason,
      detail: `${formatUsd(refusal.used)} is spent. Nothing has changed.`,
    }
  return { problem: refusal.reason, detail: null }
}
