/**
 * The audit trail: who did what to whom. Written in the transaction of the action itself, so that there is
 * no action without its event. Details hold ids, amounts and reasons, never a secret, a name or an address.
 */
import type { Prisma, Tx } from '~/adapters/db.server'

export type AuditActor = `user:${string}` | 'worker' | 'operator'

export type AuditEvent = {
  actor: AuditActor
  /** A verb of the trade and its noun: "claim.made", "key.revealed", "session.ended". */
  action: string
  /** What it was done to: "claim:<uuid>", "user:<id>". */
  subject: string
  workshopSlug?: string
  details?: Prisma.InputJsonObject
}

/** Records the event in the caller's transaction. If this throws, the action must not happen. */
export async function recordAudit(tx: Tx, event: AuditEvent): Promise<void> {
  await tx.$executeRaw`
    insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
    values (${event.actor}, ${event.action}, ${event.subject}, ${event.workshopSlug ?? null}, ${withoutAddresses(JSON.stringify(event.details ?? {}))}::jsonb)`
}

/** An event cannot be erased with its person: an address that staff typed into a reason or a search stays out of it. */
function withoutAddresses(json: string): string {
  return json.replace(/[^\s"\\<>(),;:@]+@[^\s"\\<>(),;:@]+\.[^\s"\\<>(),;:@]+/g, '[address]')
}
