/** A team's audit events on its own page: the kinds to filter by, and details as short text. */
import type { auditKinds } from '~/domain/team/audit-kinds'
import { serviceTitle } from './sub-key-messages'

export const kindLabels: Record<(typeof auditKinds)[number], string> = {
  'sub-key': 'changes of keys',
  key: 'new keys',
  budget: 'budgets',
  member: 'members',
  invitation: 'invitations',
  vault: 'vault',
  team: 'team',
}

const detailLabels: Record<string, string> = {
  for: 'for the service account',
  capUsd: 'cap',
  fromUsd: 'from',
  toUsd: 'to',
  moreUsd: 'more',
  spentUsd: 'spent',
  returnedUsd: 'returned',
  carriedUsd: 'used before',
  wantedUsd: 'wanted',
  limitUsd: 'cap',
  requestUsd: 'a request',
  monthUsd: 'a member and month',
  expiresAt: 'ends',
  keyHash: 'key id',
  attemptId: 'attempt',
  baseUrl: 'address',
  masterKeyId: 'credential',
  generation: 'number of the key',
  firstDay: 'first day',
  lastDay: 'last day',
  overlapHours: 'hours that the old key goes on',
}

/** "cap $20.00", "reason: for the demo" */
export function detailText([name, value]: [string, string]): string {
  if (name.endsWith('Usd'))
    return `${detailLabels[name] ?? name.slice(0, -3)} $${value.replace(/(\.\d{2})(\d*?)0*$/, '$1$2')}`
  return `${detailLabels[name] ?? name}: ${name === 'service' ? serviceTitle(value) : timeOr(value)}`
}

/** "2026-12-28 09:48 UTC" for a time, and anything else as it is. */
const timeOr = (value: string) =>
  /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? `${value.slice(0, 16).replace('T', ' ')} UTC` : value
