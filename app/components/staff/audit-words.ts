/**
 * Words for what the audit trail holds. Every action that the code records has an entry here; a
 * test reads the source and says which is missing.
 */
import { formatUsd, nanoFromDecimalString } from '~/money'

/** What stands between who did it and to whom: "Ada Lovelace | claimed a key". */
export const actionWords: Record<string, string> = {
  'attendee.created': 'came here for the first time',
  'audit.exported': 'downloaded the audit trail',
  'bind.retried': 'had the limits attached again',
  'budget.asked': 'asked for a budget',
  'budget.set': 'set a budget',
  'bulk.aborted': 'stopped an action on many',
  'bulk.finished': 'finished an action on many',
  'bulk.started': 'began an action on many',
  'claim.charged-late': 'charged what the key used after its end',
  'claim.disabled': 'switched the key off',
  'claim.enabled': 'switched the key on again',
  'claim.expired': 'ended the key at its time',
  'claim.given-back': 'gave the key back',
  'claim.limit-changed': 'changed the limit of the key',
  'claim.limit-reserved': 'reserved money for a higher limit',
  'claim.made': 'claimed a key',
  'claim.permission-changed': 'changed whether another key may be claimed',
  'claim.re-issued': 'replaced the key',
  'claim.refused': 'refused the claim',
  'claim.revoked': 'took the key back',
  'claim.seat-freed': 'freed the seat',
  'claim.settled': 'settled what the key has used',
  'claims.exported': 'downloaded the claims',
  'doctor.asked': 'asked whether the doors may open',
  'identity.linked': 'added a sign-in',
  'identity.unlinked': 'took a sign-in off',
  'installation.renewed': 'gave the installation a new id',
  'invitation.made': 'invited somebody',
  'invitation.revoked': 'took an invitation back',
  'job.retried': 'had a job tried again',
  'key.bound': 'attached the limits',
  'key.disabled': 'switched the key off',
  'key.minted': 'made the key',
  'key.revealed': 'looked at the key',
  'key.settled': 'settled what the key has used',
  'marketing.opted-in': 'agreed to be told of the next workshop',
  'marketing.withdrawn': 'withdrew the agreement to be told',
  'member.joined': 'joined the team',
  'member.resumed': 'let a member back in',
  'member.role-set': 'changed the role of a member',
  'member.suspended': 'suspended a member',
  'mint.cancelled': 'cancelled the making of the key',
  'mint.retried': 'had the key made again',
  'minting.paused': 'paused the making of keys',
  'minting.resumed': 'resumed the making of keys',
  'person.banned': 'barred the person from claiming',
  'person.erased': 'erased the person',
  'person.exported': 'downloaded what is stored',
  'person.unbanned': 'let the person claim again',
  'queue.exported': 'downloaded the queue',
  'receipt.asked': 'asked for the receipt',
  'receipt.made': 'made the receipt',
  'reconcile.fix-asked': 'asked to repair what differs',
  'reconcile.fixed': 'repaired what differed',
  'retired-key.settled': 'settled a replaced key',
  'session.ended': 'ended a session',
  'session.started': 'signed in',
  'sub-key.asked': 'asked for a key of the team',
  'sub-key.revealed': 'looked at a key of the team',
  'team.created': 'made a team',
  'workshop.ended': 'ended the workshop',
}

/** The words of an action; one that has none is shown by its own name. */
export function wordsOfAction(action: string): string {
  return actionWords[action] ?? action
}

const detailWords: Record<string, string> = {
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
  const words =
    detailWords[name] ??
    name
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .replace(/_/g, ' ')
      .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
