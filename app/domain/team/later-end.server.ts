/**
 * A later end of a member's key. Where Keymint ends keys itself, the end is a column of its row and
 * is moved in one transaction. A key that its service ends cannot be moved there: its replacement
 * ends later instead (rotateSubKey). Nothing is set aside by it: the cap stays, and a month is booked
 * when it begins.
 */
import type { Ctx } from '../ctx'
import { book, moveVersion } from '../keys/want.server'
import { audit } from './end-key.server'
import { whyNotLater, type EndRefusal } from './key-life'
import { subKeyHolder } from './key-row.server'
import { onKey, type KeyActor } from './on-key.server'
import { whyNotChangeable } from './sub-key.server'

export type MoveEndOutcome =
  | { kind: 'moved' }
  | {
      kind: 'refused'
      reason: EndRefusal | 'no-such-key' | 'not-live' | 'not-active' | 'end-not-here' | 'stale-end'
    }

/** Moves the end, for the key's holder or an owner. `was` is the end that the person was shown. */
export async function moveEnd(
  ctx: Ctx,
  actor: KeyActor,
  change: { expiresAt: Date; was: Date; reason: string },
): Promise<MoveEndOutcome> {
  return onKey(ctx, actor, async (tx, { member, key, keys }): Promise<MoveEndOutcome> => {
    const refusal = whyNotChangeable(member, key, ctx.now())
    if (refusal) return { kind: 'refused', reason: refusal }
    if (ctx.services.get(key.service)?.capabilities.expiryBy !== 'keymint')
      return { kind: 'refused', reason: 'end-not-here' }
    if (key.expiresAt.getTime() !== change.was.getTime())
      return { kind: 'refused', reason: 'stale-end' }
    const badEnd = whyNotLater(key.expiresAt, change.expiresAt, ctx.now())
    if (badEnd) return { kind: 'refused', reason: badEnd }
    const present = keys.find(({ generation }) => generation === key.generation)
    if (!present) return { kind: 'refused', reason: 'not-live' }
    // The sweep ends it by this column, under the same lock: who comes second sees the other.
    const moved = await tx.$executeRaw`
      update keymint.keys set expires_at = ${change.expiresAt}::timestamptz
      where id = ${present.id}::uuid and off_ended_at is null and off_replaced_at is null`
    if (moved !== 1) return { kind: 'refused', reason: 'not-live' }
    await moveVersion(tx, present)
    await tx.$executeRaw`
      update keymint.api_keys set expires_at = ${change.expiresAt}::timestamptz
      where id = ${key.id}::uuid`
    const by = `user:${actor.userId}` as const
    await audit(tx, member, key, by, 'sub-key.end-moved', {
      expiresAt: change.expiresAt.toISOString(),
      reason: change.reason,
    })
    await book(ctx, tx, subKeyHolder(key.id), { actor: by, why: 'the end was moved' })
    return { kind: 'moved' }
  })
}
