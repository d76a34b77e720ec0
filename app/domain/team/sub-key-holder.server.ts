/** The sub-key's side of minting: what the engine does to a row of api_keys. */
import { post } from '../money/postings.server'
import type { Holder } from '../holder'
import { lockSubKeys, releaseAll } from './key-row.server'

/** The place a sub-key is sealed to. */
export const subKeyPlace = (keyId: string, generation: number) => ({
  table: 'api_keys',
  row: keyId,
  generation,
})

export const subKeyHolder: Holder = {
  place: ({ holderId, generation }) => subKeyPlace(holderId, generation),

  async lock(tx, { holderId }) {
    // The member first: a refusal moves the member's money.
    await tx.$executeRaw`
      select 1 from keymint.team_members m
        where (m.team_id, m.user_id) = (select k.team_id, k.user_id from keymint.api_keys k
        where k.id = ${holderId}::uuid) for update`
    await tx.$executeRaw`select 1 from keymint.api_keys where id = ${holderId}::uuid for update`
  },

  async save(tx, { holderId, generation }, key) {
    const changed = await tx.$executeRaw`
      update keymint.api_keys k
      set state = 'ready', key_hash = ${key.hash}, sealed = ${key.sealed}, key_label = ${key.label},
        key_saved_at = now(), upstream_cap_usd = m.limit_usd
      from keymint.mints m
      where k.id = ${holderId}::uuid and k.generation = ${generation}::int and k.state = 'pending'
        and m.holder_kind = 'sub-key' and m.holder_id = k.id and m.generation = k.generation`
    return changed === 1
  },

  async refuse(tx, { holderId, generation }, refusal) {
    const changed = await tx.$executeRaw`
      update keymint.api_keys
        set state = 'refused', reason = ${refusal.reason}, reason_detail = ${refusal.detail}
      where id = ${holderId}::uuid and generation = ${generation}::int and state = 'pending'`
    const [key] = changed === 1 ? await lockSubKeys(tx, [holderId]) : []
    if (key) await post(tx, key, null, 'worker', releaseAll(key, 'the provider made no key'))
  },

  // A sub-key hangs on no guardrail: what it may do was said when it was made.
  markBound: () => Promise.resolve(),
  markUnbound: () => Promise.resolve(),
  // Sub-keys are not among the keys that reconcile compares (decision 017): their own pass reads
  // them by their master key.
  markMissing: () => Promise.resolve(),
  markToBind: () => Promise.resolve(),
}
