/** Why a key could not be fetched: what happened, and what to do. */
import type { RevealProblem } from '~/client/use-revealed-key'

export const revealProblems: Record<RevealProblem, { title: string; next: string }> = {
  'signed-out': {
    title: 'Your session has ended',
    next: 'Reload this page and sign in again. Your key is safe.',
  },
  'not-yet': {
    title: 'Your key is almost ready',
    next: 'We are setting its limits. Try again in a few seconds.',
  },
  'no-key': {
    title: 'There is no key to show',
    next: 'It may have expired while this page was open. Reload the page to see.',
  },
  'too-often': {
    title: 'Too many attempts',
    next: 'Wait a minute and try again.',
  },
  unreachable: {
    title: 'We could not fetch your key',
    next: 'The connection failed. Check the wifi and try again.',
  },
}
