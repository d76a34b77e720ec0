/**
 * Labels for the audit trail. An action without a label does not compile. A row of an action that
 * an older version recorded is shown by its own name.
 */
import type { AuditAction } from '~/domain/audit/actions'
import type { BrokenLink } from '~/domain/audit/chain'

/** Stands between who did it and to whom: "Ada Lovelace | claimed a key". */
export const auditActionLabel: Record<AuditAction, string> = {
  'access.asked': 'asked to be let in',
  'access.granted': 'let somebody in',
  'access.refused': 'refused a request to be let in',
  'access.revoked': 'took a permission to come in back',
  'account.opened': 'made keys again with a provider account',
  'account.parked': 'stopped making keys with a provider account',
  'accounts.joined': 'joined two accounts',
  'alert.retried': 'retried the delivery of an alert',
  'alert.test-sent': 'sent a test alert',
  'announcement.edited': 'changed the announcement',
  'announcement.posted': 'posted an announcement',
  'announcement.taken-down': 'took the announcement down',
  'attendee.created': 'signed in for the first time',
  'audit.exported': 'downloaded the audit trail',
  'bind.retried': 'assigned the guardrail again',
  'budget.asked': 'requested a budget',
  'budget.request-approved': 'approved a budget request',
  'budget.request-granted': 'approved a budget request automatically, for one month',
  'budget.request-refused': 'refused a budget request',
  'budget.request-withdrawn': 'withdrew a budget request',
  'budget.set': 'set a budget',
  'budget.topped-up': 'set what a member has on top in one month',
  'bulk.aborted': 'stopped a bulk action',
  'bulk.finished': 'finished a bulk action',
  'bulk.started': 'started a bulk action',
  'claim.claimed-again': 'claimed another key',
  'claim.disabled': 'disabled the key',
  'claim.enabled': 'enabled the key',
  'claim.expired': 'ended the expired key',
  'claim.extended': 'extended the key',
  'claim.given-back': 'gave the key back',
  'claim.limit-changed': 'changed the limit of the key',
  'claim.limit-reserved': 'reserved money for a higher limit',
  'claim.made': 'claimed a key',
  'claim.permission-changed': 'changed whether another key may be claimed',
  'claim.re-issued': 'replaced the key',
  'claim.refused': 'refused the claim',
  'claim.retried': 'retried the claim',
  'claim.tried-now': 'tried the waiting changes again at once',
  'claim.revoked': 'revoked the key',
  'claim.seat-freed': 'freed the seat',
  'claim.kept': 'kept the key that nobody had used yet',
  'claim.released': 'freed the seat of a key that nobody had used',
  'claims.exported': 'downloaded the claims',
  'code-link.made': 'made a link that shows the code',
  'code-link.revoked': 'revoked a link that shows the code',
  'doctor.asked': 'ran the readiness check',
  'identity.linked': 'added a sign-in',
  'identity.unlinked': 'removed a sign-in',
  'backup.made': 'made a backup',
  'backup.failed': 'could not make a backup',
  'backup.restored': 'restored a backup',
  'installation.renewed': 'renewed the installation id',
  'invitation.made': 'invited a member',
  'invitation.revoked': 'revoked an invitation',
  'job.cancelled': 'cancelled a job',
  'job.redriven': 'sent a dead letter back to its queue',
  'job.retried': 'retried a job',
  'job.sent-again': 'sent a lost job again',
  'key.bound': 'assigned the guardrail',
  'key.disabled': 'disabled the key at the provider',
  'key.minted': 'created the key',
  'key.revealed': 'viewed the key',
  'key.deleted': 'deleted the key at the provider',
  'key.dropped': 'deleted a key that could not be kept',
  'key.found-again': 'found the key at the provider again',
  'key.missing': 'closed the key: the provider no longer has it',
  'key.enabled': 'enabled the key at the provider',
  'key.cap-reached': 'stopped the key: its cap was reached',
  'key.raise-refused': 'kept the old limit: the provider refused the higher one',
  'key.settled': 'settled the final usage of the key',
  'key.usage-fell': 'kept the usage: the provider now says less',
  'key.written-off': 'charged what could no longer be read of the key',
  'limit-request.approved': 'approved a higher limit',
  'limit-request.asked': 'requested a higher limit',
  'limit-request.refused': 'refused a higher limit',
  'marketing.opted-in': 'opted in to emails about the next workshop',
  'marketing.withdrawn': 'opted out of emails about the next workshop',
  'member.joined': 'joined the team',
  'member.left': 'left the team',
  'member.removed': 'removed a member',
  'member.resumed': 'reinstated a member',
  'member.role-set': 'changed the role of a member',
  'member.suspended': 'suspended a member',
  'mint.cancelled': 'cancelled the creation of the key',
  'minting.paused': 'paused the creation of keys',
  'minting.resumed': 'resumed the creation of keys',
  'person.banned': 'banned the person from claiming',
  'person.erased': 'erased the person',
  'person.exported': 'downloaded the stored personal data',
  'person.unbanned': 'lifted the ban',
  'queue.exported': 'downloaded the queue',
  'queue.paused': 'paused a queue',
  'queue.resumed': 'resumed a queue',
  'receipt.asked': 'requested the receipt',
  'receipt.exported': 'downloaded what each person cost',
  'receipt.made': 'created the receipt',
  'reconcile.fix-asked': 'started to repair differences',
  'reconcile.fixed': 'repaired a difference',
  'schedule.run-now': 'ran a schedule at once',
  'session.ended': 'ended a session',
  'session.started': 'signed in',
  'setup.approved': 'approved a tool that asks for the key',
  'setup.asked': 'typed the code of a tool that asks for a key',
  'setup.handed-over': 'gave the key to a tool',
  'setup.refused': 'refused a tool that asks for a key',
  'spare.ended': 'ended a pre-minted key that nobody had claimed',
  'spare.refused': 'could not create a pre-minted key',
  'spare.requested': 'requested pre-minted keys',
  'spare.taken': 'got a pre-minted key',
  'sub-key.asked': 'requested a team key',
  'sub-key.cap-asked': 'requested another cap of a team key',
  'sub-key.cap-changed': 'changed the cap of a team key',
  'sub-key.cap-refused': 'could not change the cap of a team key',
  'sub-key.deleted': 'deleted a team key',
  'sub-key.expired': 'ended an expired team key',
  'sub-key.former-ended': 'ended the old key of a replaced team key',
  'sub-key.member-removed': 'ended a team key because its member left',
  'sub-key.member-suspended': 'ended a team key because its member was suspended',
  'sub-key.member-viewer': 'ended a team key because its member became a viewer',
  'sub-key.project-set': 'changed the project of a team key',
  'sub-key.refused': 'could not create a team key',
  'sub-key.revealed': 'viewed a team key',
  'sub-key.revoked': 'revoked a team key',
  'sub-key.rotated': 'replaced a team key',
  'sub-key.rotation-asked': 'requested to replace a team key',
  'sub-key.team-closed': 'ended a team key because its team was closed',
  'sub-key.spent': 'ended a team key that had used its cap',
  'sub-key.usage-corrected': 'corrected what was counted for a key',
  'team.books-exported': 'exported the books of a team',
  'team.closed': 'closed a team',
  'team.created': 'created a team',
  'team.default-budget-set': 'changed the budget that newcomers of a team begin with',
  'team.default-service-set': 'changed the service that a team shows first',
  'team.automatic-approval-set': 'changed which budget requests are approved automatically',
  'team.ceiling-set': 'changed the team’s ceiling',
  'team.key-ceiling-set': 'changed how many live keys a member may have',
  'team.renamed': 'renamed a team',
  'vault.deposited': 'added a credential to the vault',
  'vault.destroyed': 'deleted a credential and destroyed its secret',
  'vault.disabled': 'disabled a credential of the vault',
  'vault.enabled': 'enabled a credential of the vault',
  'vault.replaced': 'replaced a credential of the vault',
  'waitlist.joined': 'joined the waitlist',
  'waitlist.left': 'left the waitlist',
  'waitlist.let-in': 'gave a free seat to the next on the waitlist',
  'waitlist.removed': 'removed somebody from the waitlist',
  'waitlist.skipped': 'skipped somebody on the waitlist',
  'workshop.ended': 'ended the workshop',
}

type TeamAction =
  | Extract<
      AuditAction,
      `${'budget' | 'invitation' | 'member' | 'sub-key' | 'team' | 'vault'}.${string}`
    >
  | 'key.minted'
  | 'key.disabled'
  | 'key.deleted'
  | 'key.enabled'
  | 'key.raise-refused'
  | 'key.cap-reached'
  | 'key.settled'
  | 'key.usage-fell'
  | 'key.written-off'
  | 'key.dropped'
  | `key.${'missing' | 'found-again'}`
  | `account.${'parked' | 'opened'}`

/** On a team's own page, before the name of a member, a key or a credential. */
const teamActionLabel: Record<TeamAction, string> = {
  'budget.asked': 'requested a bigger budget',
  'budget.request-approved': 'approved a bigger budget for',
  'budget.request-granted': 'approved automatically, for one month, the request of',
  'budget.request-refused': 'refused a bigger budget for',
  'budget.request-withdrawn': 'withdrew the budget request of',
  'budget.set': 'set the budget of',
  'budget.topped-up': 'set what was on top in one month for',
  'invitation.made': 'sent an invitation',
  'invitation.revoked': 'revoked an invitation',
  'account.opened': 'makes keys again with the credential',
  'account.parked': 'stopped making keys with the credential',
  'key.deleted': 'deleted at the provider:',
  'key.disabled': 'disabled at the provider:',
  'key.dropped': 'deleted a key that could not be kept:',
  'key.found-again': 'found at the provider again:',
  'key.missing': 'closed, because the provider no longer has it:',
  'key.enabled': 'enabled at the provider:',
  'key.minted': 'created the key',
  'key.cap-reached': 'stopped, because its cap was reached:',
  'key.raise-refused': 'kept the old cap, because the provider refused the higher one:',
  'key.settled': 'settled the final usage of',
  'key.usage-fell': 'kept the usage, because the provider now says less:',
  'key.written-off': 'charged what could no longer be read of',
  'member.joined': 'joined the team',
  'member.left': 'left the team',
  'member.removed': 'removed',
  'member.resumed': 'reinstated',
  'member.role-set': 'changed the role of',
  'member.suspended': 'suspended',
  'sub-key.asked': 'requested the key',
  'sub-key.cap-asked': 'requested another cap of',
  'sub-key.cap-changed': 'changed the cap of',
  'sub-key.cap-refused': 'could not change the cap of',
  'sub-key.deleted': 'deleted the key',
  'sub-key.expired': 'ended the expired key',
  'sub-key.former-ended': 'ended the old key of',
  'sub-key.member-removed': 'ended the key because its member left:',
  'sub-key.member-suspended': 'ended the key because its member was suspended:',
  'sub-key.member-viewer': 'ended the key because its member became a viewer:',
  'sub-key.project-set': 'changed the project of',
  'sub-key.refused': 'could not create the key',
  'sub-key.revealed': 'viewed the key',
  'sub-key.revoked': 'revoked the key',
  'sub-key.rotated': 'replaced the key',
  'sub-key.rotation-asked': 'requested to replace the key',
  'sub-key.team-closed': 'ended the key because the team was closed:',
  'sub-key.spent': 'ended the key because its cap was spent:',
  'sub-key.usage-corrected': 'corrected what was counted for',
  'team.books-exported': 'exported the books',
  'team.closed': 'closed the team',
  'team.created': 'created the team',
  'team.default-budget-set': 'changed the budget that newcomers begin with:',
  'team.default-service-set': 'changed the service that is shown first:',
  'team.automatic-approval-set': 'changed which budget requests are approved automatically:',
  'team.ceiling-set': 'changed the team’s ceiling:',
  'team.key-ceiling-set': 'changed how many live keys a member may have:',
  'team.renamed': 'renamed the team:',
  'vault.deposited': 'added to the vault:',
  'vault.destroyed': 'deleted from the vault:',
  'vault.disabled': 'disabled in the vault:',
  'vault.enabled': 'enabled in the vault:',
  'vault.replaced': 'replaced in the vault:',
}

export const labelOfTeamAction = (action: string): string =>
  (teamActionLabel as Record<string, string>)[action] ?? action

export const labelOfAuditAction = (action: string): string =>
  (auditActionLabel as Record<string, string>)[action] ?? action

export function brokenLinkMessage(broken: BrokenLink): string {
  if (broken.kind === 'removed') {
    const { missing, seq, next } = broken
    const gap =
      missing === 1
        ? `Event ${seq} of the chain is missing.`
        : `${missing} events of the chain are missing, starting with ${seq}.`
    return `${gap} The next one is number ${next.seq} (event ${next.eventId}).`
  }
  const event = `Number ${broken.seq} of the chain (event ${broken.eventId})`
  return broken.kind === 'edited'
    ? `${event} was changed after it was written.`
    : `${event} does not follow the one before it: events were removed, inserted or reordered here.`
}
