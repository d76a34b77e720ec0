/**
 * What the audit trail can hold: every action by its name, a noun and what was done to it. One that
 * is recorded and not listed here does not compile, nor does one without a label in
 * messages/audit.ts.
 */
export type AuditAction =
  | `access.${'asked' | 'granted' | 'refused' | 'revoked'}`
  | 'accounts.joined'
  | `alert.${'test-sent' | 'retried'}`
  | `announcement.${'posted' | 'edited' | 'taken-down'}`
  | 'attendee.created'
  | 'audit.exported'
  | 'bind.retried'
  | `budget.${'asked' | 'set' | 'topped-up' | `request-${'approved' | 'granted' | 'refused' | 'withdrawn'}`}`
  | `bulk.${'started' | 'aborted' | 'finished'}`
  | `claim.${ClaimEvent}`
  | 'claims.exported'
  | `code-link.${'made' | 'revoked'}`
  | 'doctor.asked'
  | `identity.${'linked' | 'unlinked'}`
  | 'installation.renewed'
  | 'backup.made'
  | 'backup.failed'
  | 'backup.restored'
  | `invitation.${'made' | 'revoked'}`
  | `job.${'retried' | 'sent-again' | 'redriven' | 'cancelled'}`
  | `account.${'parked' | 'opened'}`
  | `key.${KeyEvent}`
  | `marketing.${'opted-in' | 'withdrawn'}`
  | `member.${'joined' | 'left' | 'removed' | 'suspended' | 'resumed' | 'role-set'}`
  | `member.${'service-made' | 'service-closed'}`
  | `limit-request.${'asked' | 'approved' | 'refused'}`
  | 'mint.cancelled'
  | `minting.${'paused' | 'resumed'}`
  | `person.${'banned' | 'unbanned' | 'erased' | 'exported'}`
  | `queue.${'exported' | 'paused' | 'resumed'}`
  | `receipt.${'asked' | 'made' | 'exported'}`
  | `reconcile.${'fix-asked' | 'fixed'}`
  | 'schedule.run-now'
  | `session.${'started' | 'ended'}`
  | `setup.${'asked' | 'approved' | 'refused' | 'handed-over'}`
  | `spare.${'requested' | 'taken' | 'refused' | 'ended'}`
  | `sub-key.${SubKeyEvent}`
  | `team.${'books-exported' | 'created' | 'closed' | 'renamed'}`
  | `team.${'automatic-approval-set' | 'ceiling-set' | 'key-ceiling-set'}`
  | `team.${'default-budget-set' | 'default-service-set' | 'models-set'}`
  | `team.${'webhook-added' | 'webhook-removed'}`
  | `vault.${'deposited' | 'replaced' | 'disabled' | 'enabled' | 'destroyed'}`
  | `waitlist.${'joined' | 'left' | 'removed' | 'let-in' | 'skipped'}`
  | 'workshop.ended'

type KeyEvent =
  | 'minted'
  | 'bound'
  | 'models-set'
  | 'revealed'
  | 'disabled'
  | 'enabled'
  | 'raise-refused'
  | 'cap-reached'
  | 'missing'
  | 'found-again'
  | 'usage-fell'
  | 'settled'
  | 'written-off'
  | 'dropped'
  | 'deleted'

type ClaimEvent =
  | 'made'
  | 'claimed-again'
  | 'retried'
  | 'tried-now'
  | 'refused'
  | 're-issued'
  | 'extended'
  | 'limit-reserved'
  | 'limit-changed'
  | 'disabled'
  | 'enabled'
  | 'expired'
  | 'given-back'
  | 'revoked'
  | 'permission-changed'
  | 'seat-freed'
  | 'kept'
  | 'released'
  | 'held'
  | 'went-on'

type SubKeyEvent =
  | 'usage-corrected'
  | 'asked'
  | 'refused'
  | 'revealed'
  | 'cap-asked'
  | 'cap-changed'
  | 'models-changed'
  | 'end-moved'
  | 'cap-refused'
  | 'rotation-asked'
  | 'project-set'
  | 'rotated'
  | 'former-ended'
  | 'handed-over'
  | 'deleted'
  | 'revoked'
  | 'expired'
  | 'spent'
  | 'member-removed'
  | 'member-suspended'
  | 'member-viewer'
  | 'service-closed'
  | 'team-closed'
