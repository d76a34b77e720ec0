/** Who may act on a member's key: its holder, and the active owners of the team. */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { requireActiveOwner, requireNotBanned } from '../money/member-lock.server'
import { openSubKey, type OpenSubKey } from './key-row.server'

export type KeyActor = { userId: string; keyId: string; teamId: string }

/**
 * Runs on a key of the actor, or any key of the team for an owner. Throws NotAllowed for anybody
 * else, and for who is banned.
 */
export async function onKey<Outcome>(
  ctx: Ctx,
  actor: KeyActor,
  run: (tx: Tx, open: OpenSubKey) => Promise<Outcome>,
): Promise<Outcome | { kind: 'refused'; reason: 'no-such-key' }> {
  return ctx.db.$transaction(async (tx) => {
    const [key] = await tx.$queryRaw<{ userId: string }[]>`
      select user_id as "userId" from keymint.api_keys
      where id = ${actor.keyId}::uuid and team_id = ${actor.teamId}::uuid`
    if (!key) return { kind: 'refused', reason: 'no-such-key' } as const
    // An owner's right is asked for under the lock of the team, and stays until the end.
    if (key.userId === actor.userId) await requireNotBanned(tx, actor.userId)
    else await requireActiveOwner(tx, actor.teamId, actor.userId)
    const open = await openSubKey(ctx, tx, actor.keyId)
    const gone = open?.member.state === 'removed' && key.userId === actor.userId
    // Handed over while this one waited: whoever held it then has no right to it any more.
    if (!open || gone || open.key.userId !== key.userId)
      return { kind: 'refused', reason: 'no-such-key' } as const
    return run(tx, open)
  })
}
