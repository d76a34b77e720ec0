/**
 * Readings: what the provider reports as used by a sub-key, charged to the ledger. Counters may lag
 * and disagree, so only growth is charged. A spend belongs to the month of its reading. What a
 * monthly key used late in the old month is known by its window; the first reading in the new month
 * closes the old one.
 */
import type { Tx } from '~/adapters/db.server'
import type { ServiceReading } from '~/adapters/service-adapter'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import type { OpenMember } from '../money/member-lock.server'
import { monthOf, type Month } from '../money/month'
import { commitmentChange, post, spendPostings, type Posting } from '../money/postings.server'
import { committedIn, homeMonth, openSubKey, type SubKeyRow } from './key-row.server'
import { sendApply } from './end-key.server'

/** `generation` says which generation of a rotated key was read. */
export type SubKeyReading = ServiceReading & { keyId: string; generation: number }

/**
 * Charges one reading. `askedAt`, by our clock, is when the provider was asked. A reading from an
 * earlier month is dropped, because the next one includes it.
 */
export async function recordSubKeyReading(
  ctx: Ctx,
  reading: SubKeyReading,
  askedAt: Date,
): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, reading.keyId)
    if (open && monthOf(askedAt) === open.member.month)
      await keepReading(ctx, tx, open.member, open.key, reading, askedAt)
  })
}

/** recordSubKeyReading in the caller's transaction, which holds member and key. */
export async function keepReading(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: SubKeyRow,
  reading: SubKeyReading,
  askedAt: Date,
): Promise<void> {
  if (reading.generation < key.generation)
    return keepRetired(ctx, tx, member, key, reading, askedAt)
  if (key.keyHash === null) return
  const charged =
    key.reset === 'monthly'
      ? chargeMonthly(key, member.month, reading, askedAt)
      : chargeOneOff(key, member.month, reading)
  if (!charged) return
  await tx.$executeRaw`
    update keymint.api_keys
      set usage_usd = ${decimalStringFromNano(charged.usage)}::numeric,
      window_month = ${charged.windowMonth}::date,
      window_base_usd = ${decimalStringFromNano(charged.windowBase)}::numeric,
        window_used_usd = ${decimalStringFromNano(charged.windowUsed)}::numeric,
      usage_synced_at = greatest(usage_synced_at, ${askedAt}::timestamptz),
        upstream_disabled = ${reading.disabled}, upstream_missing_at = null
    where id = ${key.id}::uuid`
  await post(tx, member, ctx.now(), 'worker', charged.postings)
}

type Charged = Pick<SubKeyRow, 'usage' | 'windowMonth' | 'windowBase' | 'windowUsed'> & {
  postings: Posting[]
}

function chargeOneOff(key: SubKeyRow, present: Month, reading: ServiceReading): Charged {
  const month = homeMonth(key, present)
  const usage = larger(key.usage, reading.usage ?? reading.usedInWindow)
  return {
    usage,
    windowMonth: key.windowMonth,
    windowBase: 0n,
    windowUsed: usage,
    postings: spendPostings(month, key.id, committedIn(key, month), usage - key.usage),
  }
}

/** Null for a reading of an earlier window than the last one: it adds nothing. */
function chargeMonthly(
  key: SubKeyRow,
  present: Month,
  reading: ServiceReading,
  askedAt: Date,
): Charged | null {
  const { usedInWindow, windowEndsAt } = reading
  // A service that has not started the new window yet still reports the old one.
  const window =
    windowEndsAt !== null && windowEndsAt <= askedAt
      ? monthOf(new Date(windowEndsAt.getTime() - 1))
      : present
  if (window < key.windowMonth) return null
  if (window === key.windowMonth) {
    const total = larger(key.usage, reading.usage ?? 0n)
    const windowUsed = larger(larger(key.windowUsed, usedInWindow), total - key.windowBase)
    const growth = windowUsed - key.windowUsed
    return {
      usage: larger(total, key.usage + growth),
      windowMonth: window,
      windowBase: key.windowBase,
      windowUsed,
      postings: spendPostings(window, key.id, committedIn(key, window), growth),
    }
  }
  const usage = larger(reading.usage ?? 0n, key.usage + usedInWindow)
  return {
    usage,
    windowMonth: window,
    windowBase: usage - usedInWindow,
    windowUsed: usedInWindow,
    postings: [
      ...closeEarlier(key, window, usage - key.usage - usedInWindow),
      ...spendPostings(window, key.id, committedIn(key, window), usedInWindow),
    ],
  }
}

/**
 * Charges usage from before the new window: oldest month first, each up to what it has committed,
 * the rest to the last one. Then these months are closed.
 */
function closeEarlier(key: SubKeyRow, window: Month, tail: NanoUsd): Posting[] {
  const earlier = key.months.filter((row) => row.month < window)
  let rest = tail
  return earlier.flatMap((row, index) => {
    const share = index === earlier.length - 1 || rest < row.committed ? rest : row.committed
    rest -= share
    const left = larger(0n, row.committed - share)
    // A key that has ended is settled by its last reading.
    const closing = key.state === 'ended' ? [] : commitmentChange(row.month, key.id, left, 0n)
    return [
      ...spendPostings(row.month, key.id, row.committed, share),
      ...closing.map((posting) => ({
        ...posting,
        reason: 'the month is closed by its last reading',
      })),
    ]
  })
}

/** Late usage of a replaced key is taken from what its successor may spend. */
async function keepRetired(
  ctx: Ctx,
  tx: Tx,
  member: OpenMember,
  key: SubKeyRow,
  reading: SubKeyReading,
  askedAt: Date,
): Promise<void> {
  const [retired] = await tx.$queryRaw<{ usage: string; retiredAt: Date }[]>`
    update keymint.retired_sub_keys r
      set usage_usd = greatest(r.usage_usd,
      ${decimalStringFromNano(reading.usage ?? reading.usedInWindow)}::numeric),
      usage_synced_at = greatest(r.usage_synced_at, ${askedAt}::timestamptz)
    from keymint.retired_sub_keys before where before.key_hash = r.key_hash and r.api_key_id = ${key.id}::uuid
      and r.generation = ${reading.generation}::int
    returning (r.usage_usd - before.usage_usd)::text as usage, r.retired_at as "retiredAt"`
  if (!retired) return
  const more = nanoFromDecimalString(retired.usage)
  if (more === 0n) return
  const month = homeMonth(key, member.month)
  if (key.reset === null || monthOf(retired.retiredAt) === member.month) {
    await tx.$executeRaw`
      update keymint.api_keys set carried_usd = carried_usd + ${retired.usage}::numeric
        where id = ${key.id}::uuid`
    if (key.state === 'ready') await sendApply(ctx, tx, key.id)
  }
  await post(
    tx,
    member,
    ctx.now(),
    'worker',
    spendPostings(month, key.id, committedIn(key, month), more),
  )
}

const larger = (a: NanoUsd, b: NanoUsd): NanoUsd => (a > b ? a : b)
