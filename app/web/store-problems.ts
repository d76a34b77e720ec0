/**
 * What can be wrong with a wish for a key or for more money: the field it belongs to, and words for
 * the person.
 */
import type { ProvisionRefusal } from '~/domain/team/sub-key.server'
import { formatUsd } from '~/money'

type Words = { field: 'purpose' | 'cap' | 'life' | 'models' | 'more' | 'why' | null; words: string }

export const storeProblems = {
  'no-purpose': { field: 'purpose', words: 'Say in 1 to 120 characters what the key is for.' },
  'bad-cap': { field: 'cap', words: 'Write an amount of dollars above zero, such as 20 or 12.50.' },
  'bad-expiry': {
    field: 'life',
    words: 'Choose an end that is at least ten minutes and at most a year away.',
  },
  'bad-models': {
    field: 'models',
    words: 'List at most 50 models, by the names the provider uses.',
  },
  'not-enough': { field: 'cap', words: 'Your budget does not leave that much.' },
  'not-active': {
    field: null,
    words: 'You can make nothing in this team while you are suspended.',
  },
  'no-master-key': {
    field: null,
    words: 'This master key was switched off or taken away. Choose another provider.',
  },
  'not-offered': { field: null, words: 'This provider cannot make such a key.' },
  'switched-off': {
    field: null,
    words:
      'Making keys is switched off on this deployment just now. Nothing was set aside; try again later.',
  },
  'bad-more': {
    field: 'more',
    words: 'Write an amount of dollars above zero, such as 20 or 12.50.',
  },
  'no-reason': { field: 'why', words: 'Say in a few words why, so that an owner can decide.' },
  'already-asked': {
    field: null,
    words: 'You have asked already, and the owners have not decided yet.',
  },
} as const satisfies Record<string, Words>

export type StoreProblem = keyof typeof storeProblems

export function provisionProblem(refusal: ProvisionRefusal): {
  problem: StoreProblem
  detail: string | null
} {
  if (refusal.reason !== 'not-enough') return { problem: refusal.reason, detail: null }
  const { free } = refusal
  return {
    problem: 'not-enough',
    detail:
      free > 0n
        ? `${formatUsd(free)} is free: set a lower cap, delete a key, or ask for more below.`
        : 'Nothing is free: delete a key, lower a cap, or ask for more below.',
  }
}
