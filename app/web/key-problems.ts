/** Why a key could not be changed, in words for a person. */
import { formatUsd, type NanoUsd } from '~/money'

export const keyProblems = {
  'bad-cap': 'Write an amount of dollars above zero, such as 20 or 12.50.',
  'no-reason': 'Give a reason: it stands in the audit trail.',
  'no-such-key': 'There is no such key any more.',
  'not-live': 'The key cannot be changed: it has ended, or is not made yet.',
  'change-under-way': 'A change of this key is under way. Wait for it, then try again.',
  'not-active': 'Its holder is suspended, so nothing about it can be changed.',
  'not-enough': 'The budget does not leave that much.',
  'below-used': 'A cap cannot be lower than what is spent.',
  'no-master-key':
    'The master key behind it is switched off, so its cap can only be lowered, and it cannot be replaced. An owner can switch it on in the vault.',
  'nothing-left': 'Nothing is left on this key to carry over. Delete it, and make another.',
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
          ? `${formatUsd(refusal.free)} is free. Nothing was changed.`
          : 'Nothing is free. Nothing was changed.',
    }
  if (refusal.used !== undefined)
    return {
      problem: refusal.reason,
      detail: `${formatUsd(refusal.used)} is spent. Nothing was changed.`,
    }
  return { problem: refusal.reason, detail: null }
}
