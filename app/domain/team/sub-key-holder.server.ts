/** What the mint engine does to a row of api_keys. */
import { openMember } from '../money/member-lock.server'
import { post } from '../money/postings.server'
import type { Holder } from '../holder'
import { endKeysOf } from './end-key.server'
import { lockSubKeys, releaseAll } from './key-row.server'

/** The place that a sub-key is sealed to. */
export const subKeyPlace = (keyId: string, generation: number) => ({
  table: 'api_keys',
  row: keyId,
  generation,
})

export const subKeyHolder: Holder = {
  place: ({ ownerId, generation }) => subKeyPlace(ownerId, generation),

  async lock(tx, { ownerId }) {
    // The member first, because a refusal posts to the member's ledger.
    await tx.$executeRaw`
      select 1 from keymint.team_members m
        where (m.team_id, m.user_id) = (select k.team_id, k.user_id from keymint.api_keys k
        where k.id = ${ownerId}::uuid) for update`
    await tx.$executeRaw`select 1 from keymint.api_keys where id = ${ownerId}::uuid for update`
  },

  async save(tx, { ownerId, generation }, key) {
    const changed = await tx.$executeRaw`
      update keymint.api_keys k
      set state = 'ready', key_hash = ${key.hash}, sealed = ${key.sealed}, key_label = ${key.label},
        key_saved_at = now(), upstream_cap_usd = m.limit_usd
      from keymint.mints m
      where k.id = ${ownerId}::uuid and k.generation = ${generation}::int and k.state = 'pending'
        and m.owner_kind = 'sub-key' and m.owner_id = k.id and m.generation = k.generation`
    return changed === 1
  },

  async refuse(tx, { ownerId, generation }, refusal) {
    const changed = await tx.$executeRaw`
      update keymint.api_keys
        set state = 'refused', reason = ${refusal.reason}, reason_detail = ${refusal.detail}
      where id = ${ownerId}::uuid and generation = ${generation}::int and state = 'pending'`
    const [key] = changed === 1 ? await lockSubKeys(tx, [ownerId]) : []
    if (key) await post(tx, key, null, 'worker', releaseAll(key, 'the provider made no key'))
  },

  // A sub-key has no guardrail: its models were set when it was made.
  markBound: () => Promise.resolve(),
  markUnbound: () => Promise.resolve(),
  // Reconcile does not compare sub-keys (decision 017): sync reads them by their master key.
  markMissing: () => Promise.resolve(),
  markToBind: () => Promise.resolve(),

  async endAllOf(ctx, tx, { userId, actorUserId }) {
    const memberships = await tx.$queryRaw<{ teamId: string }[]>`
      select team_id as "teamId" from keymint.team_members
      where user_id = ${userId} and state <> 'removed' order by team_id`
    let count = 0
    for (const { teamId } of memberships) {
      const member = await openMember(ctx, tx, { teamId, userId })
      const end = { actor: `user:${actorUserId}`, reason: 'revoked' } as const
      if (member) count += await endKeysOf(ctx, tx, member, end)
    }
    return { bulkId: null, count }
  },
}
