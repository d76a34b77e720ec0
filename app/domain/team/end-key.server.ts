/**
 * The end of a sub-key and what is sent and recorded with it, in the caller's transaction. Guarantee:
 * money goes back only when the provider can no longer charge the key.
 */
import type { Tx } from '~/adapters/db.server'
import type { NanoUsd } from '~/money'
import { recordAudit, type AuditAction, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { teamScope, type OpenMember } from '../money/member-lock.server'
import { post, readBalance } from '../money/postings.server'
import { lockKeysOf } from '../keys/key-store.server'
import { book, wantOff } from '../keys/want.server'
import { lockSubKeys, subKeyHolder, type SubKeyRow } from './key-row.server'

export type KeyEnd =
  | 'deleted'
  | 'revoked'
  | 'expired'
  | 'member-removed'
  | 'member-suspended'
  | 'member-viewer'
  | 'service-closed'
  | 'team-closed'
  | 'spent'

/**
 * Ends a live key in the caller's transaction, which holds member and key: off at once, whatever the
 * provider says. Money goes back when its last use is known; at once where it was never made.
 */
export async function endKey(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: SubKeyRow,
  end: { actor: AuditActor; reason: KeyEnd; endedAt?: Date; details?: Record<string, string> },
): Promise<void> {
  const holder = subKeyHolder(key.id)
  await wantOff(ctx, tx, await lockKeysOf(tx, holder), 'ended', end.endedAt)
  await tx.$executeRaw`
    update keymint.api_keys set state = 'ended', reason = ${end.reason},
      ended_at = coalesce(${end.endedAt ?? null}::timestamptz, keymint.now())
    where id = ${key.id}::uuid`
  // A key that the mint makes anyway is condemned, because the save finds no pending row.
  if (key.state === 'pending')
    await tx.$executeRaw`
      update keymint.mints set state = 'cancelled', done_at = now() where holder_kind = 'sub-key'
        and holder_id = ${key.id}::uuid and generation = ${key.generation}::int and state = 'pending'`
  await audit(tx, member, key, end.actor, `sub-key.${end.reason}`, end.details ?? {})
  await book(ctx, tx, holder, { actor: end.actor, why: `sub-key.${end.reason}` })
}

/** Takes what is free (nano-USD) back from the member and returns how much. */
export async function returnFree(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  actor: AuditActor,
  reason?: 'the member is a viewer' | 'the team is closed',
): Promise<NanoUsd> {
  const { free } = await readBalance(tx, member, member.month)
  if (free <= 0n) return 0n
  const left = member.role === 'service' ? 'the service account is closed' : 'the member has left'
  await post(tx, member, ctx.now(), actor, [
    { kind: 'deallocate', month: member.month, amount: free, reason: reason ?? left },
  ])
  return free
}

/** Ends every live key of a member and returns how many. The caller holds the member. */
export async function endKeysOf(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  end: { actor: AuditActor; reason: KeyEnd },
): Promise<number> {
  const ids = await tx.$queryRaw<{ id: string }[]>`
    select id from keymint.api_keys where team_id = ${member.teamId}::uuid and user_id = ${member.userId}
      and state in ('pending', 'ready') order by id`
  for (const key of await lockSubKeys(
    tx,
    ids.map(({ id }) => id),
  )) {
    if (key.state === 'pending' || key.state === 'ready') await endKey(ctx, tx, member, key, end)
  }
  return ids.length
}

export async function audit(
  tx: Tx,
  member: OpenMember,
  key: { id: string },
  actor: AuditActor,
  action: AuditAction,
  details: Record<string, string | number | null>,
): Promise<void> {
  await recordAudit(tx, {
    actor,
    action,
    subject: `sub-key:${key.id}`,
    scope: teamScope(member.slug),
    details: { ...onBehalfOf(member), ...details },
  })
}

/** Whose key it is where whoever acts is not its holder: a service account acts by its owners alone. */
export const onBehalfOf = ({ role, userId }: Pick<OpenMember, 'role' | 'userId'>) =>
  role === 'service' ? { for: `user:${userId}` } : {}
