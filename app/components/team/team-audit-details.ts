/** A team's audit events on its own page: the kinds to filter by, and details as short text. */
import type { auditKinds } from '~/domain/team/audit-kinds'

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
}

/** "cap $20.00", "reason: for the demo" */
export function detailText([name, value]: [string, string]): string {
  if (name.endsWith('Usd'))
    return `${detailLabels[name] ?? name.slice(0, -3)} $${value.replace(/(\.\d{2})(\d*?)0*$/, '$1$2')}`
  return `${detailLabels[name] ?? name}: ${value}`
}
