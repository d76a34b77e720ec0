/** A sub-key as its rows say, read under the lock of its member. */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import type { Key } from '../keys/key-row'
import { lockKeysOf } from '../keys/key-store.server'
import { openMember, type OpenMember } from '../money/member-lock.server'
import type { Month } from '../money/month'

type SubKeyState = 'pending' | 'ready' | 'ended' | 'refused'

export type SubKeyRow = {
  id: string
  teamId: string
  userId: string
  masterKeyId: string
  service: string
  state: SubKeyState
  generation: number
  /** Of all its generations together: for life, or in one UTC month. */
  cap: NanoUsd
  reset: 'monthly' | null
  expiresAt: Date
  models: string[]
  endedAt: Date | null
  /**
   * By month, oldest first, as the ledger has it; `spent` without what people corrected, because caps
   * and windows follow what the provider counts.
   */
  months: { month: Month; committed: NanoUsd; spent: NanoUsd }[]
}

export const subKeyHolder = (id: string) => ({ holderKind: 'sub-key' as const, holderId: id })

export type OpenSubKey = { member: OpenMember; key: SubKeyRow; keys: Key[] }

/** Locks the key's member, opens the month, and locks the key with its generations. Null when there is no such key. */
export async function openSubKey(ctx: Ctx, tx: Tx, keyId: string): Promise<OpenSubKey | null> {
  const member = await openHolder(ctx, tx, keyId)
  const [key] = member ? await lockSubKeys(tx, [keyId]) : []
  return member && key ? { member, key, keys: await lockKeysOf(tx, subKeyHolder(keyId)) } : null
}

/**
 * Locks the member who holds the key, with the month open. A key that was handed over meanwhile is
 * asked for again: who holds its holder's row holds it where it is.
 */
export async function openHolder(ctx: Ctx, tx: Tx, keyId: string): Promise<OpenMember | null> {
  let member: OpenMember | null = null
  for (;;) {
    const [owner] = await tx.$queryRaw<
      { teamId: string; userId: string }[]
    >`select team_id as "teamId", user_id as "userId" from keymint.api_keys where id = ${keyId}::uuid`
    if (!owner) return null
    if (member?.userId === owner.userId) return member
    member = await openMember(ctx, tx, owner)
    if (!member) return null
  }
}

type Raw = Omit<SubKeyRow, 'cap' | 'months'> & {
  cap: string
  months: { month: Month; committed: string; spent: string }[] | null
}

/** Locks these keys, in the order of their ids. The caller holds their member. */
export async function lockSubKeys(tx: Tx, keyIds: string[]): Promise<SubKeyRow[]> {
  const rows = await tx.$queryRaw<Raw[]>`
    select k.id, k.team_id as "teamId", k.user_id as "userId", k.master_key_id as "masterKeyId", k.service,
      k.state, k.generation, k.cap_usd::text as cap, k.reset, k.expires_at as "expiresAt", k.models,
      k.ended_at as "endedAt",
      (select json_agg(json_build_object('month', m.month, 'committed', m.committed_usd::text, 'spent',
        m.spent_usd::text) order by m.month)
        from (select month, sum(committed_usd) as committed_usd, sum(spent_usd - corrected_usd) as spent_usd
          from keymint.key_months where api_key_id = k.id group by month) m) as months
    from keymint.api_keys k where k.id = any(${keyIds}::uuid[]) order by k.id for update of k`
  return rows.map((raw) => ({
    ...raw,
    cap: nanoFromDecimalString(raw.cap),
    months: (raw.months ?? []).map(({ month, committed, spent }) => ({
      month,
      committed: nanoFromDecimalString(committed),
      spent: nanoFromDecimalString(spent),
    })),
  }))
}

export const committedIn = (key: SubKeyRow, month: Month): NanoUsd =>
  key.months.find((row) => row.month === month)?.committed ?? 0n
export const spentIn = (key: SubKeyRow, month: Month): NanoUsd =>
  key.months.find((row) => row.month === month)?.spent ?? 0n

/** What counts against the cap now: everything for a one-off key, this month for a monthly one. */
export function spentOfCap(key: SubKeyRow, month: Month): NanoUsd {
  if (key.reset === 'monthly') return spentIn(key, month)
  return key.months.reduce((sum, row) => sum + row.spent, 0n)
}

/** Committed is max(0, cap - spent) for as long as the key can be used. */
export function dueCommitment(key: SubKeyRow, month: Month, cap = key.cap): NanoUsd {
  const left = cap - spentOfCap(key, month)
  return left > 0n ? left : 0n
}
