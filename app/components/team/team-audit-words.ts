/**
 * What a team's audit events say to a person. An action without words of its own is shown by its
 * name.
 */
export const teamActionWords: Record<string, string> = {
  'team.created': 'made the team',
  'member.joined': 'joined',
  'member.left': 'left',
  'member.removed': 'removed',
  'member.suspended': 'suspended',
  'member.resumed': 'let back in',
  'member.role-set': 'changed the role of',
  'invitation.made': 'made an invitation',
  'invitation.revoked': 'took back an invitation',
  'budget.set': 'set the budget of',
  'budget.asked': 'asked for more',
  'budget.request-approved': 'approved more for',
  'budget.request-refused': 'refused more to',
  'vault.deposited': 'put into the vault',
  'vault.replaced': 'replaced in the vault',
  'vault.disabled': 'switched off in the vault',
  'vault.enabled': 'switched on in the vault',
  'sub-key.asked': 'asked for the key',
  'key.minted': 'made the key',
  'sub-key.refused': 'could not make the key',
  'sub-key.revealed': 'was shown the key',
  'sub-key.cap-asked': 'asked for another cap of',
  'sub-key.cap-changed': 'changed the cap of',
  'sub-key.cap-refused': 'could not change the cap of',
  'sub-key.rotation-asked': 'asked to replace the key',
  'sub-key.rotated': 'replaced the key',
  'sub-key.deleted': 'deleted the key',
  'sub-key.revoked': 'ended the key',
  'sub-key.expired': 'saw the end of the key',
  'sub-key.spent': 'ended, with nothing left, the key',
  'sub-key.member-removed': 'ended, with its holder gone, the key',
  'sub-key.member-suspended': 'ended, with its holder suspended, the key',
  'sub-key.closed-upstream': 'switched off at the provider the key',
  'sub-key.settled': 'read for the last time, and settled, the key',
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

/** "cap 20.00", "reason: for the demo" */
export function detailWords([name, value]: [string, string]): string {
  if (name.endsWith('Usd'))
    return `${detailNames[name] ?? name.slice(0, -3)} $${value.replace(/(\.\d{2})(\d*?)0*$/, '$1$2')}`
  return `${detailNames[name] ?? name}: ${value}`
}
