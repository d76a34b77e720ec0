/** Messages of the page with the team's limits. */
import { anyAmount } from './amount-messages'

export const limitProblems = {
  'bad-ceiling': {
    title: 'The ceiling is not an amount',
    next: `${anyAmount} Leave it empty for no ceiling. Nothing was changed.`,
  },
  'stale-ceiling': {
    title: 'Somebody changed the ceiling in the meantime',
    next: 'Nothing was changed. This page shows the present ceiling.',
  },
} as const
