/**
 * The audit trail: who did what to whom. Written in the transaction of the action itself, so that
 * there is no action without its event. Details hold ids, amounts and reasons, never a secret, a
 * name or an address. This file is the only writer: it scrubs the details of every event.
 */
import type { Prisma, Tx } from '~/adapters/db.server'
import type { AuditAction } from './actions'

export type { AuditAction } from './actions'
export type AuditActor = `user:${string}` | 'worker' | 'operator'

export type AuditEvent = {
  actor: AuditActor
  action: AuditAction
  /** What it was done to: "claim:<uuid>", "user:<id>". */
  subject: string
  /** A workshop's slug or "team:<slug>"; the column is named workshop_slug. */
  scope?: string
  details?: Prisma.InputJsonObject
}

/** Records the event in the caller's transaction. If this throws, the action must not happen. */
export async function recordAudit(tx: Tx, event: AuditEvent): Promise<void> {
  await tx.$executeRaw`
    insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
    values (${event.actor}, ${event.action}, ${event.subject}, ${event.scope ?? null},
      ${withoutPeople(event.details ?? {})}::jsonb)`
}

/**
 * An event cannot be erased with its person. What staff typed to find somebody stays out of it,
 * unless it is an id, and so does every address, wherever it stands: the subjects of an action tell
 * whom it was about.
 */
function withoutPeople(details: Prisma.InputJsonObject): string {
  const json = JSON.stringify(details, (name, value: unknown) =>
    searchFields.has(name) && typeof value === 'string' && !isId(value) ? '[words]' : value,
  )
  return json.replace(/[^\s"\\<>(),;:@]+@[^\s"\\<>(),;:@]+\.[^\s"\\<>(),;:@]+/g, '[address]')
}

const searchFields = new Set(['text', 'search', 'q'])
const isId = (text: string) =>
  /^[0-9a-f-]{4,64}$/i.test(text) ||
  /^[a-z-]+:[\w:.-]+$/.test(text) ||
  /^sk-or-v1-\w{3}\.{3}\w+$/.test(text)
