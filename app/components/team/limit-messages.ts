/** Messages of the page with the team's limits. */
import { anyAmount, positiveAmount } from './amount-messages'

export const limitProblems = {
  'bad-ceiling': {
    title: 'The ceiling is not an amount',
    next: `${anyAmount} Leave it empty for no ceiling. Nothing was changed.`,
  },
  'stale-ceiling': {
    title: 'Somebody changed the ceiling in the meantime',
    next: 'Nothing was changed. This page shows the present ceiling.',
  },
  'bad-approval': {
    title: 'The automatic approval is not set',
    next: `${positiveAmount} Fill in both fields, or leave both empty to turn it off. Nothing was changed.`,
  },
  'stale-approval': {
    title: 'Somebody changed the automatic approval in the meantime',
    next: 'Nothing was changed. This page shows the present amounts.',
  },
} as const
