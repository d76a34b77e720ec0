/** Labels and sentences of the actions on claims. */
import type { ClaimAction, ClaimActionKind, ClaimFilter } from '~/domain/claim/actions'
import type { ClaimActionPreview, ClaimActionRefusal } from '~/domain/claim/claim-actions.server'
import { counted, numberText } from '~/messages/text'
import { formatUsd } from '~/money'

type Choice = { value: ClaimActionKind; label: string }

/** What can be chosen on the list; each is previewed and confirmed on a page of its own. */
export const actionChoices: Choice[] = [
  { value: 'bind', label: 'Assign the guardrail' },
  { value: 'try-now', label: 'Try the waiting changes now' },
  { value: 'retry', label: 'Create the key again' },
  { value: 'enable', label: 'Enable the key' },
  { value: 'set-limit', label: 'Change the limit' },
  { value: 'extend', label: 'Extend: replace by a key with a later end' },
  { value: 're-issue', label: 'Replace the key' },
  { value: 'disable', label: 'Disable the key' },
  { value: 'revoke', label: 'Revoke the key' },
]

/** Stands apart from the others: it takes something away. */
export const isDangerous = ({ value }: Choice) => value === 'disable' || value === 'revoke'

const ownActions: Record<string, ClaimActionKind> = {
  pending: 'try-now',
  ready: 'set-limit',
  refused: 'retry',
  unbound: 'bind',
  disabled: 'enable',
  missing: 're-issue',
  'over-limit': 'set-limit',
}

/** What the claims of a tab mostly need. */
export const ownActionOf = ({ state, fact }: ClaimFilter): ClaimActionKind =>
  ownActions[fact ?? state ?? ''] ?? 'bind'

const verbs: Record<ClaimActionKind, (keys: string) => string> = {
  retry: (keys) => `Create ${keys} again`,
  bind: (keys) => `Assign the guardrail to ${keys}`,
  'try-now': (keys) => `Try the waiting changes of ${keys} now`,
  disable: (keys) => `Disable ${keys}`,
  enable: (keys) => `Enable ${keys}`,
  'set-limit': (keys) => `Change the limit of ${keys}`,
  revoke: (keys) => `Revoke ${keys}`,
  're-issue': (keys) => `Replace ${keys}`,
  extend: (keys) => `Extend ${keys}`,
}

const theKeys = (count: number) => (count === 1 ? 'the key' : `${numberText(count)} keys`)

/** The button that carries it out: "Extend 138 keys". */
export const confirmLabel = (kind: ClaimActionKind, count: number) => verbs[kind](theKeys(count))

/** "End the workshop: 146 keys" */
export const endLabel = (live: number) =>
  `End the workshop: ${live === 1 ? '1 key' : `${numberText(live)} keys`}`

/** The headline of the page: "Extend 138 keys?" */
export const questionOf = (action: ClaimAction, count: number) =>
  action.kind === 'set-limit'
    ? `Set the limit of ${theKeys(count)} to ${formatUsd(action.limit, { exact: true })}?`
    : `${confirmLabel(action.kind, count)}?`

/** What the action would do, in two or three sentences. */
export function previewMessage(action: ClaimAction, preview: ClaimActionPreview): string {
  const { count, fitting, covered } = preview
  const keys = `${numberText(fitting)} ${fitting === 1 ? 'key' : 'keys'}`
  const sentences = [
    effectOf(action, keys, preview),
    covered < fitting ? roomMessage(action, preview) : '',
    count > fitting
      ? `${numberText(count - fitting)} of the selected claims ` +
        (count - fitting === 1
          ? 'does not need it or cannot have it; it is skipped.'
          : 'do not need it or cannot have it; they are skipped.')
      : '',
  ]
  return sentences.filter((sentence) => sentence !== '').join(' ')
}

const restOf: Partial<Record<ClaimActionKind, string>> = {
  retry: 'stay refused',
  'set-limit': 'keep their limit',
  extend: 'keep their end',
}

/** How many the pool has room for, and what becomes of the others. */
function roomMessage(
  { kind }: ClaimAction,
  { fitting, covered, coveredAmount, pool }: ClaimActionPreview,
): string {
  const left = pool?.limit ? ` of ${pool.limit.text}` : ''
  if (covered === 0) return `The pool${left} has no room for any of them, so nothing would change.`
  return (
    `The pool${left} has room for ${counted(covered, 'of them', 'of them')} (${coveredAmount.text}), ` +
    `first claimed first; the other ${numberText(fitting - covered)} ` +
    `${restOf[kind] ?? 'stay as they are'}.`
  )
}

function effectOf(
  action: ClaimAction,
  keys: string,
  { difference: { amount, frees }, fitting, covered }: ClaimActionPreview,
): string {
  switch (action.kind) {
    case 'retry':
      return `Keymint creates ${keys} again and reserves up to ${amount.text} of the pool.`
    case 'bind':
      return `Keymint assigns the guardrail to ${keys}.`
    case 'try-now':
      return `Keymint asks the provider about ${keys} at once, without waiting for the next retry.`
    case 'disable':
      return `${keys} will stop working until you enable them. Their reserved money stays reserved.`
    case 'enable':
      return `${keys} will work again.`
    case 'set-limit':
      if (covered < fitting)
        return (
          `A limit of ${formatUsd(action.limit, { exact: true })} for ${keys} would reserve ` +
          `${amount.text} more of the pool.`
        )
      return (
        `The limit of ${keys} becomes ${formatUsd(action.limit, { exact: true })}, which ` +
        `${frees ? `returns ${amount.text} to the pool` : `reserves ${amount.text} more of the pool`}.`
      )
    case 'revoke':
      return (
        `${keys} will end at once and for good. About ${amount.text} returns to the pool in a few ` +
        'minutes, when the final usage is ' +
        `known.${action.mayClaimAgain ? ' Their holders may claim again.' : ''}`
      )
    case 're-issue':
      return `${keys} will be disabled, and their holders get new ones with what is left.`
    case 'extend':
      return (
        `${keys} will be replaced by new ones with a later end, which reserves up to ` +
        `${amount.text} more of the pool. The old ones keep working for half an hour with a small ` +
        'allowance.'
      )
  }
}

/** Why an action was not started. */
export const actRefusals: Record<ClaimActionRefusal, string> = {
  'nothing-matches': 'Nothing matches, so there is nothing to do.',
  'too-many': 'That is more than 10,000 at once. Narrow the selection and do it in parts.',
  'nothing-selected': 'No claim is selected.',
  'reason-missing': 'Enter a reason. It is kept with the action.',
  'reason-too-long': 'Use at most 500 characters for the reason.',
  'limit-not-positive': 'Enter a limit above zero. To stop a key, disable or revoke it.',
  'end-not-in-future': 'Choose an end in the future.',
}
