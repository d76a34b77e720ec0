/**
 * A team's audit events, as the page shows them: "Ada deleted the key evaluations". An action
 * without a label is shown by its name.
 */
import type { auditKinds } from '~/domain/team/audit-kinds'

export const teamActionLabels: Record<string, string> = {
  'team.created': 'made the team',
  'member.joined': 'joined',
  'member.left': 'left',
  'member.removed': 'removed',
  'member.suspended': 'suspended',
  'member.resumed': 'reactivated',
  'member.role-set': 'changed the role of',
  'invitation.made': 'made an invitation',
  'invitation.revoked': 'revoked an invitation',
  'budget.set': 'set the budget of',
  'budget.asked': 'requested more budget for',
  'budget.request-approved': 'approved the request of',
  'budget.request-refused': 'refused the request of',
  'vault.deposited': 'added the master key',
  'vault.replaced': 'replaced the credential of the master key',
  'vault.disabled': 'disabled the master key',
  'vault.enabled': 'enabled the master key',
  'sub-key.asked': 'requested the key',
  'key.minted': 'made the key',
  'sub-key.refused': 'could not make the key',
  'sub-key.revealed': 'viewed the key',
  'sub-key.cap-asked': 'requested a new cap for the key',
  'sub-key.cap-changed': 'changed the cap of the key',
  'sub-key.cap-refused': 'could not change the cap of the key',
  'sub-key.rotation-asked': 'requested a replacement of the key',
  'sub-key.rotated': 'replaced the key',
  'sub-key.deleted': 'deleted the key',
  'sub-key.revoked': 'ended the key',
  'sub-key.expired': 'ended the expired key',
  'sub-key.spent': 'ended the key because its cap was spent:',
  'sub-key.member-removed': 'ended the key because its member left:',
  'sub-key.member-suspended': 'ended the key because its member was suspended:',
  'sub-key.closed-upstream': 'disabled at the provider:',
  'sub-key.settled': 'settled the final usage of the key',
}

export const kindLabels: Record<(typeof auditKinds)[number], string> = {
  'sub-key': 'changes of keys',
  key: 'new keys',
  budget: 'budgets',
  member: 'members',
  invitation: 'invitations',
  vault: 'vault',
  team: 'team',
}

const detailNames: Record<string, string> = {
  capUsd: 'cap',
  fromUsd: 'from',
  toUsd: 'to',
  moreUsd: 'more',
  spentUsd: 'spent',
  returnedUsd: 'returned',
  carriedUsd: 'used before',
  wantedUsd: 'wanted',
  limitUsd: 'cap',
  expiresAt: 'ends',
  keyHash: 'key id',
  attemptId: 'attempt',
  baseUrl: 'address',
  masterKeyId: 'master key',
}

/** "cap $20.00", "reason: for the demo" */
export function detailLabel([name, value]: [string, string]): string {
  if (name.endsWith('Usd'))
    return `${detailNames[name] ?? name.slice(0, -3)} $${value.replace(/(\.\d{2})(\d*?)0*$/, '$1$2')}`
  return `${detailNames[name] ?? name}: ${value}`
}
