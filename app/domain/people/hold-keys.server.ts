/**
 * Which keys the bans, holds and grants of addresses need. A fingerprint cannot be made again, because its text is not
 * stored: it is recognised for as long as its key is known.
 */
import type { Ctx } from '../ctx'

export type HoldKeys = {
  /** Recognised by a key that a rotation of ENCRYPTION_KEY does not take away. */
  kept: number
  /** By the id of a key that only ENCRYPTION_KEY lists, and not as its first. */
  needing: Record<string, number>
  /** Recorded before keys were noted: any older key of ENCRYPTION_KEY may have made them. */
  unnoted: number
  /** By the id of a key that no list has any more: a ban or hold of these is not recognised. */
  lost: Record<string, number>
}

export async function readHoldKeys(
  ctx: Pick<Ctx, 'db' | 'fingerprints' | 'now'>,
): Promise<HoldKeys> {
  const rows = await ctx.db.$queryRaw<{ keyId: string | null; count: number }[]>`
    select key_id as "keyId", count(*)::int as count from (
      select key_id from keymint.claim_holds where held_until is null or held_until > ${ctx.now()}
      union all select key_id from keymint.access_grants
        where kind = 'address' and revoked_at is null) marks
    group by 1 order by 1`
  const { ownKeyIds, borrowedKeyIds } = ctx.fingerprints
  const [newest, ...older] = borrowedKeyIds
  const found: HoldKeys = { kept: 0, needing: {}, unnoted: 0, lost: {} }
  for (const { keyId, count } of rows) {
    if (keyId === null) {
      if (older.length === 0) found.kept += count
      else found.unnoted += count
    } else if (ownKeyIds.includes(keyId) || keyId === newest) found.kept += count
    else if (older.includes(keyId)) found.needing[keyId] = count
    else found.lost[keyId] = count
  }
  return found
}
