/** A sub-key as its rows say, read under the lock of its member, and what follows from them. */
import type { Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { openMember, type OpenMember } from '../money/member-lock.server'
import { startOf, type Month } from '../money/month'
import { commitmentChange, type Posting } from '../money/postings.server'

export type SubKeyState = 'pending' | 'ready' | 'ended' | 'refused'

export type SubKeyRow = {
  id: string
  teamId: string
  userId: string
  masterKeyId: string
  service: string
  state: SubKeyState
  generation: number
  keyHash: string | null
  cap: NanoUsd
  /** A change of the cap that the provider has not confirmed yet. */
  wantedCap: NanoUsd | null
  /**
   * What earlier generations used of the cap: over the whole life, or in this month for a monthly
   * key.
   */
  carried: NanoUsd
  reset: 'monthly' | null
  expiresAt: Date
  upstreamCap: NanoUsd | null
  rotateRequestedAt: Date | null
  usage: NanoUsd
  windowMonth: Month
  windowBase: NanoUsd
  windowUsed: NanoUsd
  usageSyncedAt: Date | null
  upstreamDisabled: boolean
  upstreamMissingAt: Date | null
  endedAt: Date | null
  closedUpstreamAt: Date | null
  settledAt: Date | null
  /** By month, oldest first. */
  months: { month: Month; committed: NanoUsd; spent: NanoUsd }[]
}

type MoneyColumn =
  'cap' | 'wantedCap' | 'carried' | 'upstreamCap' | 'usage' | 'windowBase' | 'windowUsed'
type Raw = Omit<SubKeyRow, MoneyColumn | 'months'> & { [Name in MoneyColumn]: string | null } & {
  months: { month: Month; committed: string; spent: string }[] | null
}

/** Locks the key's member and then the key. Null when there is no such key. */
export async function openSubKey(
  ctx: Pick<Ctx, 'now'>,
  tx: Tx,
  keyId: string,
): Promise<{ member: OpenMember; key: SubKeyRow } | null> {
  const [owner] = await tx.$queryRaw<
    { teamId: string; userId: string }[]
  >`select team_id as "teamId", user_id as "userId" from keymint.api_keys where id = ${keyId}::uuid`
  const member = owner ? await openMember(ctx, tx, owner) : null
  const [key] = member ? await lockSubKeys(tx, [keyId]) : []
  return member && key ? { member, key } : null
}

/** Locks these keys, in the order of their ids. The caller holds their member. */
export async function lockSubKeys(tx: Tx, keyIds: string[]): Promise<SubKeyRow[]> {
  const rows = await tx.$queryRaw<Raw[]>`
    select k.id, k.team_id as "teamId", k.user_id as "userId", k.master_key_id as "masterKeyId", k.service,
      k.state, k.generation, k.key_hash as "keyHash",
      k.cap_usd::text as cap, k.wanted_cap_usd::text as "wantedCap", k.carried_usd::text as carried, k.reset,
        k.expires_at as "expiresAt",
      k.upstream_cap_usd::text as "upstreamCap", k.rotate_requested_at as "rotateRequestedAt",
        k.usage_usd::text as usage, k.window_month::text as "windowMonth",
      k.window_base_usd::text as "windowBase", k.window_used_usd::text as "windowUsed",
        k.usage_synced_at as "usageSyncedAt", k.upstream_disabled as "upstreamDisabled",
      k.upstream_missing_at as "upstreamMissingAt", k.ended_at as "endedAt",
        k.closed_upstream_at as "closedUpstreamAt", k.settled_at as "settledAt",
      (select json_agg(json_build_object('month', m.month, 'committed', m.committed_usd::text, 'spent',
        m.spent_usd::text) order by m.month)
        from keymint.key_months m where m.api_key_id = k.id) as months
    from keymint.api_keys k where k.id = any(${keyIds}::uuid[]) order by k.id for update of k`
  return rows.map(fromRaw)
}

function fromRaw(raw: Raw): SubKeyRow {
  const nano = (text: string | null) => nanoFromDecimalString(text ?? '0')
  return {
    ...raw,
    cap: nano(raw.cap),
    carried: nano(raw.carried),
    usage: nano(raw.usage),
    windowBase: nano(raw.windowBase),
    windowUsed: nano(raw.windowUsed),
    wantedCap: raw.wantedCap === null ? null : nano(raw.wantedCap),
    upstreamCap: raw.upstreamCap === null ? null : nano(raw.upstreamCap),
    months: (raw.months ?? []).map(({ month, committed, spent }) => ({
      month,
      committed: nano(committed),
      spent: nano(spent),
    })),
  }
}

export const committedIn = (key: SubKeyRow, month: Month): NanoUsd =>
  key.months.find((row) => row.month === month)?.committed ?? 0n
const spentIn = (key: SubKeyRow, month: Month): NanoUsd =>
  key.months.find((row) => row.month === month)?.spent ?? 0n

/** What counts against the cap now: everything for a one-off key, this month for a monthly one. */
export function spentOfCap(key: SubKeyRow, month: Month): NanoUsd {
  if (key.reset === 'monthly') return spentIn(key, month)
  return key.months.reduce((sum, row) => sum + row.spent, 0n)
}

/** The most this key may cost while a change of its cap is under way. */
const reservedCap = (key: SubKeyRow): NanoUsd =>
  key.wantedCap !== null && key.wantedCap > key.cap ? key.wantedCap : key.cap

/** Committed is max(0, cap - spent) for as long as the key can be used. */
export function dueCommitment(key: SubKeyRow, month: Month, cap = reservedCap(key)): NanoUsd {
  const left = cap - spentOfCap(key, month)
  return left > 0n ? left : 0n
}

/**
 * The limit that the provider should hold for the present generation: earlier ones have used their
 * part of the cap.
 */
export const dueUpstreamCap = (key: SubKeyRow): NanoUsd => (key.wantedCap ?? key.cap) - key.carried

/**
 * The month that holds the money of this key: the present one, or for a key that was over before it
 * began, its last.
 */
export function homeMonth(key: SubKeyRow, present: Month): Month {
  const over = key.closedUpstreamAt !== null || key.expiresAt <= startOf(present)
  return (
    (over ? key.months.filter(({ committed }) => committed > 0n).at(-1)?.month : null) ?? present
  )
}

/** What a cap that was not raised, or is lower now, no longer needs. */
export function releaseBeyond(key: SubKeyRow, present: Month, cap: NanoUsd): Posting[] {
  const month = homeMonth(key, present)
  const committed = committedIn(key, month)
  const due = dueCommitment(key, month, cap)
  return commitmentChange(month, key.id, committed, due < committed ? due : committed).map(
    (posting) => ({ ...posting, reason: 'the cap needs less' }),
  )
}

/** Gives back all that is still committed, in whichever month. */
export function releaseAll(key: SubKeyRow, reason: string): Posting[] {
  return key.months
    .flatMap(({ month, committed }) => commitmentChange(month, key.id, committed, 0n))
    .map((posting) => ({ ...posting, reason }))
}
