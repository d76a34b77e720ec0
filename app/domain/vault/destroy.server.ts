/**
 * The credentials of closed teams are destroyed, and those that an owner deletes. Guarantee: not
 * before every key made with one is closed at the provider and its final usage is known, because
 * nothing else can disable a key or read it; and never again afterwards, which a trigger holds.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import { requireActiveOwner, teamScope } from '../money/member-lock.server'
import { isAtRest } from '../keys/at-rest.server'

/** Destroys those that are no longer needed, and returns how many. */
export async function destroyCredentials(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<
    { id: string; slug: string; service: string; label: string }[]
  >`
    select m.id, t.slug, m.service, m.label from keymint.master_keys m join keymint.teams t on t.id = m.team_id
    where t.closed_at is not null and m.sealed is not null order by m.id`
  let destroyed = 0
  for (const { id, slug, service, label } of due) {
    const done = await ctx.db.$transaction(async (tx) => {
      const [locked] = await tx.$queryRaw<object[]>`
        select 1 from keymint.master_keys where id = ${id}::uuid and sealed is not null for update`
      if (!locked || !(await isAtRest(tx, id))) return false
      await destroy(tx, {
        id,
        scope: teamScope(slug),
        actor: 'worker',
        details: { service, label },
      })
      return true
    })
    if (done) destroyed++
  }
  return destroyed
}

export type DestroyOutcome = 'destroyed' | 'still-needed' | 'no-such-credential'

/**
 * Deletes a credential for an active owner: its secret is destroyed, and the row stays for the
 * books. A key that is asked for at the same moment is made first or refused. Throws NotAllowed.
 */
export async function destroyKey(
  ctx: Ctx,
  input: { teamId: string; scope: string; userId: string; masterKeyId: string; reason: string },
): Promise<DestroyOutcome> {
  const { teamId, scope, userId, masterKeyId: id, reason } = input
  return ctx.db.$transaction(async (tx): Promise<DestroyOutcome> => {
    await requireActiveOwner(tx, teamId, userId)
    const [row] = await tx.$queryRaw<{ service: string; label: string }[]>`
      select service, label from keymint.master_keys
      where id = ${id}::uuid and team_id = ${teamId}::uuid and sealed is not null for update`
    if (!row) return 'no-such-credential'
    if (!(await isAtRest(tx, id))) return 'still-needed'
    await destroy(tx, { id, scope, actor: `user:${userId}`, details: { ...row, reason } })
    return 'destroyed'
  })
}

async function destroy(
  tx: Tx,
  input: { id: string; scope: string; actor: AuditActor; details: Record<string, string> },
): Promise<void> {
  const { id, scope, actor, details } = input
  await tx.$executeRaw`
    update keymint.master_keys set sealed = null, destroyed_at = keymint.now(), state = 'disabled',
      disabled_at = coalesce(disabled_at, keymint.now()) where id = ${id}::uuid`
  // What is off stays at the provider, disabled: nobody here can delete it any more.
  await tx.$executeRaw`
    update keymint.keys set delete_wanted = false where account = ${id}::uuid and delete_wanted`
  await recordAudit(tx, {
    actor,
    action: 'vault.destroyed',
    subject: `master-key:${id}`,
    scope,
    details,
  })
}
