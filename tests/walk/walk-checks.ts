/** The invariants of engine.md, section 5, against the rows and against the provider's own books. */
import { expect } from 'vitest'
import { expectPoolToAddUp } from '../claims'
import { poolLimit, type WalkWorld } from './walk-world'

const dust = 10_000n

export async function checkWalk(walking: WalkWorld): Promise<void> {
  const { db, service } = walking
  await expectPoolToAddUp(walking.world)
  const rows = await db.$queryRaw<
    {
      holderId: string
      kind: string
      hash: string | null
      over: boolean
      leaving: boolean
      settled: boolean
      closed: boolean
      held: string
      limit: string
      used: string
    }[]
  >`
    select k.holder_id as "holderId", k.holder_kind as kind, k.hash, k.without_reset as leaving,
      k.off_ended_at is not null or k.off_replaced_at is not null as over, k.settled_at is not null as settled,
      k.closed_at is not null as closed, (k.limit_usd * 1000000000)::bigint::text as "limit",
      (k.used_usd * 1000000000)::bigint::text as used,
      coalesce((select sum(greatest(w.reserved_usd, w.used_usd)) * 1000000000 from keymint.key_windows w
        where w.key_id = k.id), 0)::bigint::text as held
    from keymint.keys k`
  const holders = new Map<string, { may: bigint; held: bigint; working: number; unread: bigint }>()
  for (const row of rows) {
    if (row.settled && !row.closed) throw new Error(`${row.hash} is settled and not closed`)
    const sum = holders.get(row.holderId) ?? { may: 0n, held: 0n, working: 0, unread: 0n }
    holders.set(row.holderId, sum)
    sum.held += BigInt(row.held)
    const key = row.hash === null ? undefined : service.keys.get(row.hash)
    if (!key) continue
    const used = service.used(key, null)
    const left = service.left(key)
    if (row.closed && left > dust) throw new Error(`${row.hash} is closed and may spend ${left}`)
    sum.may += used + left
    // What was not counted when staff lowered a limit is an overrun, which is booked when it is read.
    sum.unread += used > BigInt(row.limit) ? used - BigInt(row.used) : 0n
    if (left > dust && !row.leaving) sum.working++
  }
  for (const [holder, { may, held, working, unread }] of holders) {
    if (working > 1) throw new Error(`${holder} has ${working} keys that can spend`)
    if (may > held + unread + dust)
      throw new Error(`${holder} may spend ${may} where ${held} is held`)
  }
  const [pool] = await db.$queryRaw<{ committed: string; overrun: string }[]>`
    select p.committed_usd::text as committed, coalesce((select sum(greatest(0, w.used_usd - w.reserved_usd))
      from keymint.key_windows w), 0)::text as overrun from keymint.pools p`
  if (pool)
    expect(Number(pool.committed)).toBeLessThanOrEqual(poolLimit + Number(pool.overrun) + 0.0001)
  const wrong = await db.$queryRaw<{ what: string }[]>`
    select 'the ledger of ' || user_id as what from keymint.budget_months
    where allocated_usd <> committed_usd + spent_usd + free_usd or least(committed_usd, spent_usd) < 0`
  expect(wrong).toEqual([])
}

/** After quiescence: upstream is what is wanted, all that is over is settled, nothing is unknown. */
export async function checkQuiet(walking: WalkWorld): Promise<void> {
  const { db, service } = walking
  const keys = await db.key.findMany({ where: { savedAt: { not: null } } })
  const known = new Set(keys.map((key) => key.hash))
  for (const key of service.keys.values())
    if (!key.deleted && !known.has(key.id)) throw new Error(`${key.id} is upstream and unknown`)
  for (const key of keys) {
    const held = service.keys.get(key.hash ?? '')
    if (!held || held.deleted || (key.expiresAt <= walking.now() && held.disabled === false))
      continue
    const over = key.offEndedAt !== null || key.offReplacedAt !== null
    const off =
      over ||
      key.offStaffAt !== null ||
      key.offCapAt !== null ||
      key.offPersonAt !== null ||
      key.offRunawayAt !== null
    if (off && !held.disabled) throw new Error(`${key.hash} should be off and is on`)
    if (over && key.settledAt === null) throw new Error(`${key.hash} is over and not settled`)
    if (!off && key.limitUsd !== null && held.cap > BigInt(key.limitUsd.mul(1e9).toFixed(0)))
      throw new Error(`${key.hash} has more than is wanted upstream`)
    if (
      key.settledAt !== null &&
      service.used(held, null) !== BigInt(key.usedUsd.mul(1e9).toFixed(0))
    )
      throw new Error(`${key.hash} is settled at ${key.usedUsd.toString()} and used more`)
  }
}
