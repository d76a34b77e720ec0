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
  'bad-models': {
    title: 'The models are not set',
    next: 'A name has letters, digits and . _ : / @ + - only. Nothing was changed.',
  },
  'many-models': {
    title: 'The models are not set',
    next: 'A list has at most 50 models. Nothing was changed.',
  },
  'bound-to-none': {
    title: 'The models are not set',
    next: 'A limit needs at least one model. Choose “a suggestion” to let keys use every model. Nothing was changed.',
  },
  'unknown-model': {
    title: 'The provider has no such model',
    next: 'Nothing was changed. The field below names it.',
  },
  'models-unread': {
    title: 'The provider’s list of models could not be read',
    next: 'The models could not be checked, and nothing was changed. Try again in a minute.',
  },
  'no-service': {
    title: 'The team has no credential of this provider',
    next: 'Nothing was changed. Add one to the vault first.',
  },
  'stale-models': {
    title: 'Somebody changed the models in the meantime',
    next: 'Nothing was changed. This page shows the present models.',
  },
} as const
