import type {
  CanaryDifference,
  CreditValues,
  GuardrailDifference,
} from '~/domain/operations/readiness-finding'
import type { MessagesFor } from './readiness'
import { counted, listed, sentenceOf } from './text'

const newManagementKey =
  'Create a management key at https://openrouter.ai/settings/management-keys, in the same account, ' +
  'and set OPENROUTER_MANAGEMENT_KEY: docs/runbook.md, “Management key revoked”.'
const addCredit =
  'Add credit at https://openrouter.ai/settings/credits before claims open. ' +
  'Without it keys are created but answer 402.'
const keyEnds = 'It expires within an hour and can spend at most one cent;'
const unboundRisk =
  'Keys would be handed out unbound, with their limit but without their list of models. ' +
  'docs/runbook.md, “Unbound keys”.'
const differsRisk =
  'Limits and expiry keep a key harmless: hand out none until you understand this.'

const canaryDifference: Record<CanaryDifference, string> = {
  'unknown-hash': 'the provider does not know its hash',
  'other-name': 'it has another name',
  disabled: 'it is disabled',
  'other-limit': 'it reports another limit',
  'no-end': 'it reports no end',
  'manages-keys': 'it may manage keys',
}

export const providerMessages: MessagesFor<
  | 'management-key-ok'
  | 'ordinary-key'
  | 'management-key-refused'
  | 'management-key-unknown'
  | 'workspace-ok'
  | 'workspace-gone'
  | 'credit-ok'
  | 'no-credit'
  | 'credit-below-promised'
  | 'credit-below-half'
  | 'credit-below-worst-case'
  | 'byok-not-counted'
  | 'in-flight-ok'
  | 'free-models'
  | 'request-above-limit'
  | 'in-flight-short'
  | 'models-ok'
  | 'models-unknown'
  | 'guardrails-ok'
  | 'guardrail-twice'
  | 'guardrail-foreign'
  | 'guardrail-differs'
  | 'canary-ok'
  | 'canary-unbound'
  | 'canary-not-created'
  | 'canary-not-assigned'
  | 'canary-assign-failed'
  | 'canary-differs'
  | 'canary-unreadable'
  | 'canary-still-there'
  | 'canary-not-deleted'
  | 'canaries-left'
> = {
  'management-key-ok': () => ['The provider accepts the management key, and it may manage keys.'],
  'ordinary-key': () => [
    'OPENROUTER_MANAGEMENT_KEY is an ordinary API key without management rights: ' +
      'it cannot create keys.',
    newManagementKey,
  ],
  'management-key-refused': () => [
    'The provider does not accept OPENROUTER_MANAGEMENT_KEY (401): it was revoked or mistyped.',
    newManagementKey,
  ],
  'management-key-unknown': ({ error }) => [
    `Could not check the management key. ${sentenceOf(error)}`,
    'Check https://status.openrouter.ai, OPENROUTER_BASE_URL and outgoing connections; ' +
      'then check again.',
  ],
  'workspace-ok': () => ['The workspace that keys are made in exists.'],
  'workspace-gone': () => [
    'The workspace that keys are made in was deleted at the provider: no key can be created, ' +
      'and keys that were made in it may be dead.',
    'Create a workspace there and set OPENROUTER_WORKSPACE_ID to its id; waiting claims ' +
      'continue automatically: docs/runbook.md, “Workspace deleted”.',
  ],
  'credit-ok': (values) => [creditText(values)],
  'no-credit': (values) => [`The account has no credit. ${creditText(values)}`, addCredit],
  'credit-below-promised': (values) => [
    `The credit is less than keys given out may spend. ${creditText(values)}`,
    addCredit,
  ],
  'credit-below-half': (values) => [
    `The credit covers less than half of the worst case. ${creditText(values)}`,
    addCredit,
  ],
  'credit-below-worst-case': (values) => [
    `The credit does not cover the worst case. ${creditText(values)}`,
    addCredit,
  ],
  'byok-not-counted': ({ keys }) => [
    `${counted(keys, 'key')} may spend past ${keys === 1 ? 'its limit' : 'their limits'}: ` +
      'the limit does not count usage of the account’s own provider keys.',
    'Keymint sets the flag by itself. If this stays for ten minutes, replace these keys, or remove ' +
      'the provider keys at https://openrouter.ai/settings/integrations.',
  ],
  'in-flight-ok': ({ left }) => [
    'If everybody sends one request with the longest answer at once, ' +
      `the cost stays below the ${left.text} that are left.`,
  ],
  'free-models': ({ slug, models }) => [
    `${slug} allows ${listed(models)}: free models are limited for the whole account, ` +
      'to 20 requests a minute and 50 or 1,000 a day, shared by all keys.',
    'Name the paid variant, or tell attendees that they may have to wait.',
  ],
  'request-above-limit': ({ slug, model, amount, limit }) => [
    `In ${slug} one request to ${model} without max_tokens is counted as ${amount.text}, ` +
      `more than a key’s ${limit.text}: it is refused (402).`,
    'Raise key_limit_usd, or allow a cheaper model; the snippets on the page set max_tokens.',
  ],
  'in-flight-short': ({ slug, seats, model, amount, left }) => [
    `If all ${seats} of ${slug} send one request to ${model} at once without max_tokens, ` +
      `${amount.text} are in flight, and ${left.text} are left: ` +
      'some are refused (402 in_flight_budget_exhausted) until others end.',
    'Add credit; the provider allows only a part of the balance at once.',
  ],
  'models-ok': ({ allowed, offered }) => [
    `${allowed === 1 ? 'The one allowed model is' : `All ${allowed} allowed models are`} ` +
      `among the provider’s ${offered}.`,
  ],
  'models-unknown': ({ slug, models }) => [
    `${slug} allows ${listed(models)}, which the provider does not have: ` +
      'its guardrail is refused and its keys stay unbound.',
    'Correct allowed_models in the file and deploy; https://openrouter.ai/models has the names.',
  ],
  'guardrails-ok': ({ agreeing, notYet }) => [guardrailsText(agreeing, notYet)],
  'guardrail-twice': ({ name, count }) => [
    `There are ${count} guardrails named ${name}; Keymint uses the oldest.`,
    'Delete the younger ones at the provider, unless keys are assigned to them.',
  ],
  'guardrail-foreign': ({ name, ours }) => [
    `The guardrail ${name} belongs to another installation or to a person. ` +
      `Keymint leaves it alone; its own is called ${ours}.`,
    'Give one of the workshops another slug, or each deployment a workspace of its own.',
  ],
  'guardrail-differs': ({ name, differences }) => [
    `${name} differs from its file: ${differences.map(guardrailDifference).join('; ')}.`,
    '/admin/reconcile shows the difference and repairs it.',
  ],
  'canary-ok': ({ guardrail, seconds }) => [
    `A key with a limit of $0.01 was created, assigned to ${guardrail}, read back and deleted ` +
      `in ${seconds} s.`,
  ],
  'canary-unbound': () => [
    'A key was created and read back, but there is no guardrail to assign it to ' +
      'and no model to make one with.',
    'Add a workshop file.',
  ],
  'canary-not-created': ({ error }) => [
    `No key could be created. ${sentenceOf(error)}`,
    'docs/runbook.md, “Provider errors”, explains each answer.',
  ],
  'canary-not-assigned': ({ assigned, guardrail }) => [
    `The key was not assigned: the provider reports ${assigned} assigned, ` +
      `and ${guardrail} does not list it.`,
    unboundRisk,
  ],
  'canary-assign-failed': ({ error }) => [
    `A key can be created but not assigned to a guardrail. ${sentenceOf(error)}`,
    unboundRisk,
  ],
  'canary-differs': ({ differences }) => [
    `A key was created, but not as requested: ${differences.map((one) => canaryDifference[one]).join(', ')}.`,
    differsRisk,
  ],
  'canary-unreadable': ({ error }) => [
    `A key was created but could not be read back. ${sentenceOf(error)}`,
    differsRisk,
  ],
  'canary-still-there': () => [
    'The test key was deleted, and the provider still has it.',
    `${keyEnds} check again in a minute.`,
  ],
  'canary-not-deleted': ({ error }) => [
    `The test key could not be deleted yet. ${sentenceOf(error)}`,
    `${keyEnds} the next check removes it.`,
  ],
  'canaries-left': ({ count }) => [
    `${counted(count, 'test key')} of earlier checks could not be removed yet.`,
    'They end within an hour of their creation; check again.',
  ],
}

function creditText({ left, worstCase, parts, spentKnown }: CreditValues): string {
  const amounts = parts.map(({ slug, amount }) => `${slug} ${amount.text}`)
  return (
    `${left.text} of credit left; workshops that are open or open within a week, and live keys, ` +
    `can spend ${worstCase.text} at worst${amounts.length > 0 ? ` (${listed(amounts)})` : ''}` +
    `${spentKnown ? '' : ', without what was spent already, which only the database knows'}.`
  )
}

function guardrailsText(agreeing: number, notYet: string[]): string {
  const parts = [
    ...(agreeing > 0
      ? [
          `${counted(agreeing, 'guardrail')} ${agreeing === 1 ? 'matches its' : 'match their'} file.`,
        ]
      : []),
    ...(notYet.length > 0
      ? [
          `Not created yet: ${listed(notYet)}; a worker creates it ten minutes before claims open, ` +
            'or with the first key.',
        ]
      : []),
  ]
  return parts.join(' ') || 'No workshop needs one within a week.'
}

function guardrailDifference(difference: GuardrailDifference): string {
  switch (difference.what) {
    case 'every-model':
      return 'it allows every model'
    case 'more-models':
      return `it also allows ${listed(difference.models)}`
    case 'fewer-models':
      return `it does not allow ${listed(difference.models)}`
    case 'limit':
      return `its limit is ${difference.has?.text ?? 'none'} and not ${difference.wanted.text}`
    case 'reset':
      return `its reset is ${difference.has ?? 'none'} and not ${difference.wanted}`
  }
}
