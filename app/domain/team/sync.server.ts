/**
 * The regular look at sub-keys: usage of all that may still be charged, and the end of what is
 * over. A key that has ended is settled by a reading two minutes after the provider closed it: then
 * what it has not spent returns.
 */
import pLimit from 'p-limit'
import { isProviderError } from '~/adapters/provider-error'
import type { ServiceReading } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import type { Ctx } from '../ctx'
import { monthOf } from '../money/month'
import type { OpenServiceKeys, ServiceKeys } from '../keys/service-keys.server'
import { openSubKey } from './key-row.server'
import { keepReading } from './reading.server'
import { audit, endKey, giveBack, sendApply } from './sub-key.server'

/** Requests in flight have been counted by then. */
const settleAfterSeconds = 120
/**
 * A key that the provider no longer has will not be read again: its last reading is the last word.
 */
const settleMissingAfterSeconds = 300
const maxPerPass = 500
/** A service that hangs keeps few others waiting. */
const servicesAtOnce = 6

type Watched = {
  keyId: string
  generation: number
  hash: string
  masterKeyId: string
  ended: boolean
  retired: boolean
  missing: boolean
  usage: string
  windowUsed: string
  disabled: boolean
  month: string
}

/**
 * One pass over all master keys. Trouble at one of them leaves its keys for the next pass and does
 * not touch the others.
 */
export async function syncSubKeys(ctx: Ctx, openKeys: OpenServiceKeys): Promise<{ keys: number }> {
  const watched = await ctx.db.$queryRaw<Watched[]>`
    select id as "keyId", generation, key_hash as hash, master_key_id as "masterKeyId",
      state = 'ended' as ended, false as retired,
      upstream_missing_at is not null as missing, usage_usd::text as usage,
        window_used_usd::text as "windowUsed", upstream_disabled as disabled, window_month::text as month
    from keymint.api_keys where key_hash is not null
      and (state = 'ready' or (state = 'ended' and settled_at is null))
    union all
    select r.api_key_id, r.generation, r.key_hash, k.master_key_id, true, true, r.missing_at is not null, '',
      '', true, ''
    from keymint.retired_sub_keys r join keymint.api_keys k on k.id = r.api_key_id where r.settled_at is null
    order by 4, 3`
  const limit = pLimit(servicesAtOnce)
  const read = await Promise.all(
    [...groupBy(watched, (key) => key.masterKeyId)].map(([masterKeyId, group]) =>
      limit(async () => {
        try {
          const service = await openKeys(ctx, masterKeyId)
          return service ? await readGroup(ctx, service, group) : 0
        } catch (error) {
          ctx.log.warn(
            {
              masterKeyId,
              keys: group.length,
              ...(isProviderError(error) ? { failure: error.details } : { error }),
            },
            'the usage of sub-keys could not be read',
          )
          return 0
        }
      }),
    ),
  )
  await settleDue(ctx)
  return { keys: read.reduce((sum, count) => sum + count, 0) }
}

async function readGroup(ctx: Ctx, service: ServiceKeys, group: Watched[]): Promise<number> {
  const askedAt = ctx.now()
  const readings = await service.readUsage(group.map((key) => key.hash))
  const unchanged: string[] = []
  for (const key of group) {
    const reading = readings.get(key.hash)
    if (!reading) await noteMissing(ctx, service, key)
    // Most keys are idle between two passes: those need no lock, only their time.
    else if (isKnown(key, reading, askedAt)) unchanged.push(key.keyId)
    else await keepOne(ctx, key, reading, askedAt)
  }
  await ctx.db.$executeRaw`
      update keymint.api_keys set usage_synced_at = greatest(usage_synced_at, ${askedAt}::timestamptz)
        where id = any(${unchanged}::uuid[])`
  return readings.size
}

function isKnown(key: Watched, reading: ServiceReading, askedAt: Date): boolean {
  return (
    !key.retired &&
    !key.missing &&
    key.month === monthOf(askedAt) &&
    (reading.usage === null || key.usage === decimalStringFromNano(reading.usage)) &&
    key.windowUsed === decimalStringFromNano(reading.usedInWindow) &&
    key.disabled === reading.disabled
  )
}

async function keepOne(
  ctx: Ctx,
  watched: Watched,
  reading: ServiceReading,
  askedAt: Date,
): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, watched.keyId)
    if (open && monthOf(askedAt) === open.member.month)
      await keepReading(
        ctx,
        tx,
        open.member,
        open.key,
        { keyId: watched.keyId, generation: watched.generation, ...reading },
        askedAt,
      )
  })
}

/**
 * Absence from an answer may be a page that shifted: the key itself is asked for before it counts
 * as gone.
 */
async function noteMissing(ctx: Ctx, service: ServiceKeys, key: Watched): Promise<void> {
  if (key.missing || (await service.findKey(key.hash)) !== null) return
  if (key.retired)
    await ctx.db.$executeRaw`
        update keymint.retired_sub_keys set missing_at = coalesce(missing_at, ${ctx.now()}::timestamptz)
          where key_hash = ${key.hash}`
  else
    await ctx.db.$executeRaw`
        update keymint.api_keys
          set upstream_missing_at = coalesce(upstream_missing_at, ${ctx.now()}::timestamptz)
          where key_hash = ${key.hash}`
}

/**
 * What has ended and been read late enough: the unspent part returns, and the key may be deleted
 * upstream.
 */
async function settleDue(ctx: Ctx): Promise<number> {
  const now = ctx.now()
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.api_keys where state = 'ended' and settled_at is null
      and closed_upstream_at is not null
      and (usage_synced_at >= greatest(ended_at,
        closed_upstream_at) + make_interval(secs => ${settleAfterSeconds}::int)
        or (upstream_missing_at is not null
          and ${now}::timestamptz >= closed_upstream_at + make_interval(secs =>
          ${settleMissingAfterSeconds}::int)))
    order by id limit ${maxPerPass}::int`
  for (const { id } of due) await settle(ctx, id)
  const retired = await ctx.db.$queryRaw<{ keyId: string }[]>`
    update keymint.retired_sub_keys set settled_at = ${now}::timestamptz
    where settled_at is null
      and (usage_synced_at >= retired_at + make_interval(secs => ${settleAfterSeconds}::int)
      or (missing_at is not null
        and ${now}::timestamptz >= missing_at + make_interval(secs => ${settleMissingAfterSeconds}::int)))
    returning api_key_id as "keyId"`
  for (const { keyId } of retired) await ctx.db.$transaction((tx) => sendApply(ctx, tx, keyId))
  return due.length
}

async function settle(ctx: Ctx, keyId: string): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, keyId)
    if (!open || open.key.state !== 'ended' || open.key.settledAt !== null) return
    const { member, key } = open
    await tx.$executeRaw`
      update keymint.api_keys set settled_at = ${ctx.now()}::timestamptz where id = ${keyId}::uuid`
    await sendApply(ctx, tx, keyId)
    const returned = key.months.reduce((sum, row) => sum + row.committed, 0n)
    const spent = key.months.reduce((sum, row) => sum + row.spent, 0n)
    await audit(tx, member, key, 'worker', 'sub-key.settled', {
      spentUsd: decimalStringFromNano(spent),
      returnedUsd: decimalStringFromNano(returned),
    })
    await giveBack(ctx, tx, member, key, 'worker', 'unspent at the end of the key')
  })
}

/** Keys whose time has passed. No right depends on this having run. */
export async function endExpiredSubKeys(ctx: Ctx): Promise<number> {
  const expired = await ctx.db.$queryRaw<{ id: string }[]>`
    select id from keymint.api_keys where state = 'ready' and expires_at <= ${ctx.now()}::timestamptz
      order by expires_at limit ${maxPerPass}::int`
  for (const { id } of expired) {
    await ctx.db.$transaction(async (tx) => {
      const open = await openSubKey(ctx, tx, id)
      if (open?.key.state !== 'ready' || open.key.expiresAt > ctx.now()) return
      await endKey(ctx, tx, open.member, open.key, {
        actor: 'worker',
        reason: 'expired',
        endedAt: open.key.expiresAt,
      })
    })
  }
  return expired.length
}

/** Rows that ask for something at the provider and have no job for it. */
export async function sendAppliesAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string }[]>`
    select k.id from keymint.api_keys k
    where (k.state = 'ready'
      and (k.rotate_requested_at is not null or k.wanted_cap_usd is not null
      or k.upstream_cap_usd is distinct from k.cap_usd - k.carried_usd)
        or k.state = 'ended' and k.key_hash is not null
          and (k.closed_upstream_at is null or (k.settled_at is not null and k.deleted_upstream_at is null))
        or exists (select 1 from keymint.retired_sub_keys r where r.api_key_id = k.id
          and r.settled_at is not null and r.deleted_at is null))
      and not exists (select 1 from pgboss.job j where j.name = 'apply-sub-key' and j.singleton_key = k.id::text
        and j.state in ('created', 'retry', 'active'))
    order by k.id limit ${maxPerPass}::int`
  for (const { id } of lost) await ctx.db.$transaction((tx) => sendApply(ctx, tx, id))
  return lost.length
}

function groupBy<Item>(items: Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}
