/**
 * A workshop's pool: money and seats in one row. It is the aggregate cap; the provider has none (a
 * guardrail's budget counts per key). Guarantee: committed never passes the limit by a reservation,
 * because reserving is one conditional update, done last in its transaction so that the row is
 * locked for the shortest time.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { PoolCaps } from '../workshop-file'

/**
 * Reserves `amount` (nano-USD) and one seat. False when the pool is full or closed: the caller rolls
 * its transaction back.
 */
export async function reserve(
  tx: Tx,
  workshopSlug: string,
  amount: NanoUsd,
  caps: PoolCaps,
): Promise<boolean> {
  if (!(await reserveInPool(tx, workshopSlug, amount, caps))) return false
  if (caps.totalKeys === null) return true
  return (
    (await tx.$executeRaw`
      update keymint.total_seats set seats = seats + 1 where seats < ${caps.totalKeys}::int`) === 1
  )
}

async function reserveInPool(
  tx: Tx,
  workshopSlug: string,
  amount: NanoUsd,
  caps: PoolCaps,
): Promise<boolean> {
  const usd = decimalStringFromNano(amount)
  const limit = caps.limit === null ? null : decimalStringFromNano(caps.limit)
  const take = () => tx.$executeRaw`
    update keymint.pools set committed_usd = committed_usd + ${usd}::numeric, seats = seats + 1
    where workshop_slug = ${workshopSlug} and ended_at is null
      and committed_usd + ${usd}::numeric <= coalesce(${limit}::numeric, committed_usd + ${usd}::numeric)
      and seats < coalesce(${caps.maxKeys}::int, seats + 1)`
  if ((await take()) === 1) return true
  // Full, or one of the first claims of this workshop: one inserts the row, the others wait for it
  // here and try once more.
  await tx.$executeRaw`
    insert into keymint.pools (workshop_slug) values (${workshopSlug}) on conflict do nothing`
  return (await take()) === 1
}

/**
 * Sets what a claim has committed with all its keys, and moves the pool by the difference, in one
 * statement and without asking whether it fits: for what is released or was spent. The caller holds
 * the claim's row. `freeSeat` gives its seat back as well, once: a claim that has given its seat back has none to give.
 */
export async function setClaimCommitted(
  tx: Tx,
  claimId: string,
  committed: NanoUsd,
  options: { freeSeat: boolean },
): Promise<void> {
  const usd = decimalStringFromNano(committed)
  await tx.$executeRaw`
    with before as (
      select claim_id, workshop_slug, ${usd}::numeric as target, committed_usd,
        counts_in_total, seat_freed_at is null and ${options.freeSeat} as frees
      from keymint.workshop_attendance where claim_id = ${claimId}::uuid),
    claim as (
      update keymint.workshop_attendance c set committed_usd = before.target, seat_freed_at = case
        when before.frees then now() else c.seat_freed_at end
      from before where c.claim_id = before.claim_id),
    total as (update keymint.total_seats t set seats = t.seats - 1 from before where before.frees
      and before.counts_in_total)
    update keymint.pools p
    set committed_usd = p.committed_usd + before.target - before.committed_usd, seats = p.seats - case
      when before.frees then 1 else 0 end
    from before where p.workshop_slug = before.workshop_slug`
}

/**
 * Reserves for pre-minted keys: money and no seat, which the claim takes. False when it does not fit
 * or the pool is closed: the caller rolls its transaction back.
 */
export async function reserveForSpares(
  tx: Tx,
  workshopSlug: string,
  amount: NanoUsd,
  caps: Pick<PoolCaps, 'limit'>,
): Promise<boolean> {
  const usd = decimalStringFromNano(amount)
  const limit = caps.limit === null ? null : decimalStringFromNano(caps.limit)
  await tx.$executeRaw`
    insert into keymint.pools (workshop_slug) values (${workshopSlug}) on conflict do nothing`
  return (
    (await tx.$executeRaw`
      update keymint.pools set committed_usd = committed_usd + ${usd}::numeric
      where workshop_slug = ${workshopSlug} and ended_at is null
        and committed_usd + ${usd}::numeric <= coalesce(${limit}::numeric, committed_usd + ${usd}::numeric)`) ===
    1
  )
}

/** Sets what a spare has committed, and moves the pool by the difference. The caller holds its row. */
export async function setSpareCommitted(
  tx: Tx,
  spareId: string,
  committed: NanoUsd,
): Promise<void> {
  const usd = decimalStringFromNano(committed)
  await tx.$executeRaw`
    with before as (
      select id, workshop_slug, committed_usd from keymint.spares
      where id = ${spareId}::uuid and state <> 'taken'),
    spare as (
      update keymint.spares s set committed_usd = ${usd}::numeric from before where s.id = before.id)
    update keymint.pools p set committed_usd = p.committed_usd + ${usd}::numeric - before.committed_usd
    from before where p.workshop_slug = before.workshop_slug and before.committed_usd <> ${usd}::numeric`
}

/**
 * Sets a claim's whole committed amount, and takes a seat for one that had given its own back. What
 * is more than before must fit into the pool; less always does. False means that it is full or
 * closed: the caller rolls its transaction back. `caps` null means that they are not known: then
 * nothing more can be reserved. The caller holds the claim's row; the pool is locked last.
 */
export async function reserveForClaim(
  tx: Tx,
  claimId: string,
  total: NanoUsd,
  caps: PoolCaps | null,
  options: { takeSeat: boolean } = { takeSeat: false },
): Promise<boolean> {
  const usd = decimalStringFromNano(total)
  const limit = caps?.limit == null ? null : decimalStringFromNano(caps.limit)
  const seat = options.takeSeat ? 1 : 0
  const [reserved] = await tx.$queryRaw<{ countsInTotal: boolean }[]>`
    with before as (select claim_id, workshop_slug, ${usd}::numeric - committed_usd as more, counts_in_total
      from keymint.workshop_attendance where claim_id = ${claimId}::uuid),
    pool as (
      update keymint.pools p set committed_usd = p.committed_usd + before.more, seats = p.seats + ${seat}::int
      from before where p.workshop_slug = before.workshop_slug
        and ((before.more <= 0 and ${seat}::int = 0) or (${caps !== null} and p.ended_at is null))
        and (before.more <= 0 or p.committed_usd + before.more <= coalesce(${limit}::numeric,
          p.committed_usd + before.more))
        and (${seat}::int = 0 or p.seats < coalesce(${caps?.maxKeys ?? null}::int, p.seats + 1))
      returning 1)
    update keymint.workshop_attendance c set committed_usd = ${usd}::numeric from before, pool
      where c.claim_id = before.claim_id
    returning before.counts_in_total as "countsInTotal"`
  if (!reserved) return false
  if (!options.takeSeat || !reserved.countsInTotal) return true
  return (
    (await tx.$executeRaw`
      update keymint.total_seats set seats = seats + 1 where seats < ${caps?.totalKeys ?? 0}::int`) ===
    1
  )
}

/** Thrown inside a transaction to undo all of it; recognised by its name. */
export class PoolIsFull extends Error {
  override name = 'PoolIsFull'
}

export const isPoolIsFull = (error: unknown): boolean =>
  error instanceof Error && error.name === 'PoolIsFull'

/** `sparesUsd`: the part of it that waits, with a pre-minted key, for whoever claims next. */
export type PoolState = {
  committedUsd: string
  sparesUsd: string
  seats: number
  endedAt: Date | null
}

/**
 * What is reserved in each pool (USD as text), by workshop; with `slug` in that one. One without claims
 * has no entry.
 */
export async function readPools(
  db: Tx,
  slug: string | null = null,
): Promise<Map<string, PoolState>> {
  const rows = await db.$queryRaw<(PoolState & { slug: string })[]>`
    select p.workshop_slug as slug, p.committed_usd::text as "committedUsd", p.seats, p.ended_at as "endedAt",
      coalesce((select sum(s.committed_usd) from keymint.spares s
        where s.workshop_slug = p.workshop_slug and s.state in ('pending', 'ready')), 0)::text as "sparesUsd"
    from keymint.pools p where ${slug}::text is null or p.workshop_slug = ${slug}`
  return new Map(rows.map(({ slug: name, ...pool }) => [name, pool]))
}

/** What the claims of a workshop have committed: what pre-minted keys hold is there for the next ones. */
export const claimedOf = (pool: PoolState | undefined): NanoUsd =>
  pool ? nanoFromDecimalString(pool.committedUsd) - nanoFromDecimalString(pool.sparesUsd) : 0n
