/**
 * Labels for the audit trail. Every action that the code records has one; a test reads the source
 * and names what is missing.
 */
import { formatUsd, nanoFromDecimalString } from '~/money'

/** Between who did it and to whom: "Ada Lovelace | claimed a key". */
export const actionLabels: Record<string, string> = {
  'attendee.created': 'signed in for the first time',
  'audit.exported': 'downloaded the audit trail',
  'bind.retried': 'retried to assign the guardrail',
  'budget.asked': 'requested a budget',
  'budget.set': 'set a budget',
  'bulk.aborted': 'stopped a bulk action',
  'bulk.finished': 'finished a bulk action',
  'bulk.started': 'started a bulk action',
  'claim.charged-late': 'charged usage after the end of the key',
  'claim.disabled': 'disabled the key',
  'claim.enabled': 'enabled the key',
  'claim.expired': 'ended the expired key',
  'claim.given-back': 'gave the key back',
  'claim.limit-changed': 'changed the limit of the key',
  'claim.limit-reserved': 'reserved money for a higher limit',
  'claim.made': 'claimed a key',
  'claim.permission-changed': 'changed whether another key may be claimed',
  'claim.re-issued': 'replaced the key',
  'claim.refused': 'refused the claim',
  'claim.revoked': 'revoked the key',
  'claim.seat-freed': 'freed the seat',
  'claim.settled': 'settled the usage of the key',
  'claims.exported': 'downloaded the claims',
  'doctor.asked': 'ran the readiness check',
  'identity.linked': 'added a sign-in',
  'identity.unlinked': 'removed a sign-in',
  'installation.renewed': 'gave the installation a new id',
  'invitation.made': 'invited somebody',
  'invitation.revoked': 'revoked an invitation',
  'job.retried': 'retried a job',
  'key.bound': 'assigned the guardrail',
  'key.disabled': 'disabled the replaced key',
  'key.minted': 'created the key',
  'key.revealed': 'revealed the key',
  'key.settled': 'settled the usage of the key upstream',
  'marketing.opted-in': 'opted in to news of the next workshop',
  'marketing.withdrawn': 'opted out of news',
  'member.joined': 'joined the team',
  'member.resumed': 'resumed a member',
  'member.role-set': 'changed the role of a member',
  'member.suspended': 'suspended a member',
  'mint.cancelled': 'cancelled the creation of the key',
  'mint.retried': 'retried the creation of the key',
  'minting.paused': 'paused key creation',
  'minting.resumed': 'resumed key creation',
  'person.banned': 'banned the person',
  'person.erased': 'erased the person',
  'person.exported': 'downloaded their data',
  'person.unbanned': 'lifted the ban',
  'queue.exported': 'downloaded the queue',
  'receipt.asked': 'requested the receipt',
  'receipt.made': 'made the receipt',
  'reconcile.fix-asked': 'requested a repair',
  'reconcile.fixed': 'repaired a difference',
  'retired-key.settled': 'settled a replaced key',
  'session.ended': 'ended a session',
  'session.started': 'signed in',
  'sub-key.asked': 'requested a key of the team',
  'sub-key.revealed': 'revealed a key of the team',
  'team.created': 'created a team',
  'workshop.ended': 'ended the workshop',
}

/** An action without a label is shown by its own name. */
export function actionLabel(action: string): string {
  return actionLabels[action] ?? action
}

const detailLabels: Record<string, string> = {
  limitUsd: 'Limit',
  committedUsd: 'Committed',
  usedUsd: 'Used',
  expiresAt: 'Ends',
  guardrailId: 'Guardrail',
  keyHash: 'Key hash',
  keyLabel: 'Key',
  providerUserId: 'Id at the provider',
  because: 'Because',
  mintId: 'Mint',
  attemptId: 'Attempt',
}

export type DetailView = { label: string; value: string } & (
  { kind: 'text' } | { kind: 'time' } | { kind: 'code' }
)

/**
 * Details as labels and values for a definition list: money as money, times as times, what is
 * nested as lines of its own.
 */
export function detailsOf(details: Record<string, unknown>): DetailView[] {
  return Object.entries(details).flatMap(([name, value]) => viewsOf(labelOf(name), name, value))
}

function viewsOf(label: string, name: string, value: unknown): DetailView[] {
  if (value === null || value === undefined || value === '') return []
  if (Array.isArray(value))
    return value.every((item) => typeof item !== 'object')
      ? [{ label, kind: 'text', value: value.join(', ') }]
      : value.flatMap((item, index) => viewsOf(`${label} ${index + 1}`, name, item))
  if (typeof value === 'object')
    return Object.entries(value).flatMap(([inner, innerValue]) =>
      viewsOf(`${label}: ${labelOf(inner).toLowerCase()}`, inner, innerValue),
    )
  const text =
    value === true
      ? 'yes'
      : value === false
        ? 'no'
        : typeof value === 'string'
          ? value
          : JSON.stringify(value)
  if (/Usd$/.test(name) && /^-?\d+(\.\d{1,9})?$/.test(text))
    return [{ label, kind: 'text', value: formatUsd(nanoFromDecimalString(text)) }]
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text))
    return [{ label, kind: 'time', value: text }]
  if (/^[0-9a-f-]{12,}$/.test(text)) return [{ label, kind: 'code', value: text }]
  return [
    {
      label,
      kind: 'text',
      value: /^[a-z]+(-[a-z]+)+$/.test(text) ? text.replaceAll('-', ' ') : text,
    },
  ]
}

/** "sessionsEnded" is read as "Sessions ended". */
function labelOf(name: string): string {
  const label =
    detailLabels[name] ??
    name
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .replace(/_/g, ' ')
      .toLowerCase()
  return label.charAt(0).toUpperCase() + label.slice(1)
}
