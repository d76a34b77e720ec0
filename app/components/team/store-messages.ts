/** Messages of the page that makes keys: what is wrong with a form, and at which field. */
import type { KeyLife } from '~/domain/team/key-life'
import type { ModelRefusal } from '~/domain/team/model-limits.server'
import type { ProvisionRefusal } from '~/domain/team/sub-key.server'
import { formatUsd } from '~/money'
import { positiveAmount } from './amount-messages'
import { ceilingDetail } from './ceiling-messages'

type FormField = 'purpose' | 'project' | 'cap' | 'life' | 'models' | 'more' | 'why'
/** A message at a field, or a heading above the form with what to do. */
type Problem =
  { field: FormField; message: string } | { field: null; message: string; next: string }

export const storeProblems = {
  'no-purpose': { field: 'purpose', message: 'Enter a purpose of 1 to 120 characters.' },
  'bad-cap': { field: 'cap', message: positiveAmount },
  'bad-expiry': {
    field: 'life',
    message: 'Choose an end between ten minutes and one year from now.',
  },
  'bad-project': { field: 'project', message: 'Use at most 40 characters.' },
  'bad-models': {
    field: 'models',
    message: 'A name cannot be read:',
  },
  'many-models': { field: 'models', message: 'List at most 50 models.' },
  'unknown-model': { field: 'models', message: 'The provider has no model of this name:' },
  'model-not-allowed': {
    field: 'models',
    message: 'The team does not allow this model:',
  },
  'models-unread': {
    field: 'models',
    message: 'The provider’s list of models could not be read, so the models could not be checked.',
  },
  'not-enough': { field: 'cap', message: 'Your budget is not enough for this cap.' },
  'team-ceiling': { field: 'cap', message: 'The team’s ceiling is not enough for this cap.' },
  'not-active': {
    field: null,
    message: 'You are suspended in this team',
    next: 'You cannot make keys until an owner reactivates you.',
  },
  'team-closed': {
    field: null,
    message: 'This team is closed',
    next: 'No new keys can be made in it.',
  },
  'too-many-keys': {
    field: null,
    message: 'You have as many live keys as a member of this team may have',
    next: 'Delete one that you no longer need, or ask an owner to raise the number.',
  },
  'no-master-key': {
    field: null,
    message: 'This credential is disabled or was removed',
    next: 'Choose another provider.',
  },
  'not-offered': {
    field: null,
    message: 'This provider does not offer such a key',
    next: 'Change the models, or how the cap counts.',
  },
  'switched-off': {
    field: null,
    message: 'New keys are disabled on this deployment',
    next: 'Nothing was set aside. Try again later.',
  },
  'bad-more': { field: 'more', message: positiveAmount },
  'no-reason': { field: 'why', message: 'Enter a reason of 1 to 500 characters.' },
  'not-open': {
    field: null,
    message: 'This request was decided or withdrawn already',
    next: 'Its state is shown below.',
  },
  'already-asked': {
    field: null,
    message: 'You already have an open request',
    next: 'The owners have not decided it yet.',
  },
} as const satisfies Record<string, Problem>

export type StoreProblem = keyof typeof storeProblems

/** The same where an owner makes a key for a service account. */
export const serviceStoreProblems: Record<StoreProblem, Problem> = {
  ...storeProblems,
  'not-enough': { field: 'cap', message: 'The budget of the service account is not enough.' },
  'not-active': {
    field: null,
    message: 'This service account is suspended or closed',
    next: 'Reactivate it first, or make another one.',
  },
  'too-many-keys': {
    field: null,
    message: 'It has as many live keys as a member of this team may have',
    next: 'Delete one that is no longer needed, or raise the number on the members page.',
  },
}

export function provisionProblem(
  refusal: ProvisionRefusal,
  isService: boolean,
): {
  problem: StoreProblem
  detail: string | null
} {
  if (refusal.reason === 'team-ceiling')
    return { problem: 'team-ceiling', detail: ceilingDetail(refusal) }
  if ('model' in refusal) return { problem: refusal.reason, detail: modelDetail(refusal) }
  if (refusal.reason !== 'not-enough') return { problem: refusal.reason, detail: null }
  const { free } = refusal
  const more = isService ? 'raise its budget' : 'request more below'
  return {
    problem: 'not-enough',
    detail:
      free > 0n
        ? `${formatUsd(free)} is free: set a lower cap, delete a key, or ${more}.`
        : `Nothing is free: delete a key, lower a cap, or ${more}.`,
  }
}

/** A name that no model has; what is very long is cut. */
export const oddModel = (model: string) =>
  `“${model.length > 80 ? `${model.slice(0, 80)}…` : model}” cannot be a model’s name. ` +
  'A name has letters, digits and . _ : / @ + - only.'

/** Names the model, and says what to do. */
export function modelDetail({ reason, model, suggestion }: ModelRefusal): string {
  switch (reason) {
    case 'unknown-model':
      return suggestion
        ? `“${model}”. Did you mean “${suggestion}”?`
        : `“${model}”. Write it as the provider does, or leave it out.`
    case 'model-not-allowed':
      return `“${model}”. Choose from the team’s list, or ask an owner to add it.`
    case 'models-unread':
      return 'Try again in a minute.'
  }
}

export const lifeLabels: Record<KeyLife, string> = {
  '1d': 'after 1 day',
  '7d': 'after 7 days',
  '30d': 'after 30 days',
  'month-end': 'at the end of this month (UTC)',
  '90d': 'after 90 days',
  '365d': 'after one year',
}

export const requestStates = {
  open: 'is waiting for a decision',
  approved: 'was approved',
  refused: 'was refused',
  withdrawn: 'was withdrawn',
}
