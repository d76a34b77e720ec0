/**
 * Barring a person: no claim, no mint, no role, no session, and every live key is revoked. The row
 * and its reason stay; the audit trail keeps every ban and its end.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'

export type BanOutcome =
  | { kind: 'banned'; bulkId: string | null; claims: number }
  | { kind: 'banned-already' }
  | { kind: 'refused'; reason: BanRefusal }

export type BanRefusal = 'no-reason' | 'yourself' | 'no-such-person'

/**
 * Bars a person who is not barred yet. `bulkId` is the action that revokes their keys, null when
 * there are none.
 */
export async function banPerson(
  ctx: Ctx,
  input: { userId: string; reason: string; actorUserId: string },
): Promise<BanOutcome> {
  const { userId, actorUserId } = input
  const reason = input.reason.trim()
  if (reason.length === 0) return { kind: 'refused', reason: 'no-reason' }
  if (userId === actorUserId) return { kind: 'refused', reason: 'yourself' }
  return ctx.db.$transaction(async (tx): Promise<BanOutcome> => {
    // A claim in progress refers to this row: the lock waits for it, so that it is revoked below. A
    // later one is refused before its key is made.
    const [person] = await tx.$queryRaw<
      { banned: boolean }[]
    >`select banned_at is not null as banned from keymint.attendees where user_id = ${userId}
        and auth_provider <> 'service' for update`
    if (!person) return { kind: 'refused', reason: 'no-such-person' }
    if (person.banned) return { kind: 'banned-already' }
    await tx.$executeRaw`
      update keymint.attendees set banned_at = now(), ban_reason = ${reason} where user_id = ${userId}`
    const sessions = await tx.$executeRaw`
        update keymint.sessions set ended_at = now() where user_id = ${userId} and ended_at is null`
    let claims = 0
    let bulkId: string | null = null
    for (const holder of Object.values(ctx.holders)) {
      const ending = await holder.endAllOf?.(ctx, tx, { userId, actorUserId, reason })
      claims += ending?.count ?? 0
      bulkId ??= ending?.bulkId ?? null
    }
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'person.banned',
      subject: `user:${userId}`,
      details: { reason, sessions, claims },
    })
    return { kind: 'banned', bulkId, claims }
  })
}

/** Lifts a ban. Keys that it ended stay ended. False when there was none. */
export async function unbanPerson(
  ctx: Ctx,
  input: { userId: string; reason: string; actorUserId: string },
): Promise<boolean> {
  return ctx.db.$transaction(async (tx: Tx) => {
    const changed = await tx.$executeRaw`
        update keymint.attendees set banned_at = null, ban_reason = null where user_id = ${input.userId}
          and banned_at is not null`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${input.actorUserId}`,
        action: 'person.unbanned',
        subject: `user:${input.userId}`,
        details: { reason: input.reason.trim() },
      })
    return changed === 1
  })
}
