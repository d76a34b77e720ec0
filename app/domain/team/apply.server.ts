/**
 * Applies the row of one sub-key at its provider: disables what has ended, changes limits, moves a
 * rotation from the old key to the new one. Every step reads the row first, calls once and writes
 * what is certain. Run twice, or after a crash, it repeats the same request and changes nothing
 * twice.
 */
import { isProviderError } from '~/adapters/provider-error'
import { decimalStringFromNano } from '~/money'
import type { Ctx } from '../ctx'
import type { JobOutcome } from '../job-outcome'
import { monthOf } from '../money/month'
import { post } from '../money/postings.server'
import type { OpenServiceKeys, ServiceKeys } from '../keys/service-keys.server'
import {
  dueUpstreamCap,
  openSubKey,
  releaseAll,
  releaseBeyond,
  spentOfCap,
  type SubKeyRow,
} from './key-row.server'
import { keepReading } from './reading.server'
import { queueSubKeyMint } from './sub-key.server'
import { audit, endKey } from './end-key.server'
import { cut } from '~/text'

type Work =
  | { kind: 'nothing' }
  | { kind: 'close'; hash: string }
  | { kind: 'remove'; hash: string }
  | { kind: 'rotate'; key: SubKeyRow }
  | { kind: 'limit'; key: SubKeyRow }
  | { kind: 'remove-retired'; hash: string }

/** No row needs more steps. One that does is a bug, and the sweep sends it again. */
const maxSteps = 8

/**
 * Does at the provider what the row asks for. `retry` when the provider failed in a way that may
 * pass; `snooze` when the master key is gone. Throws only what is not a provider's error.
 */
export async function applySubKey(
  ctx: Ctx,
  keyId: string,
  openKeys: OpenServiceKeys,
): Promise<JobOutcome> {
  for (let steps = 0; steps < maxSteps; steps++) {
    const found = await readWork(ctx, keyId)
    if (!found || found.work.kind === 'nothing') return { kind: 'done' }
    const service = await openKeys(ctx, found.masterKeyId)
    if (!service)
      return { kind: 'snooze', seconds: 60, reason: 'the master key of this sub-key is gone' }
    try {
      await step(ctx, keyId, found.work, service)
    } catch (error) {
      if (!isProviderError(error)) throw error
      ctx.log.warn(
        { keyId, step: found.work.kind, failure: error.details },
        'the provider did not carry out a change of a sub-key',
      )
      if (found.work.kind !== 'limit' || error.details.kind !== 'rejected')
        return { kind: 'retry', reason: error.message }
      await giveUpLimit(ctx, keyId, found.work.key, error.details.providerMessage ?? '')
    }
  }
  return { kind: 'retry', reason: 'the row still asks for more' }
}

async function step(
  ctx: Ctx,
  keyId: string,
  work: Exclude<Work, { kind: 'nothing' }>,
  service: ServiceKeys,
): Promise<void> {
  switch (work.kind) {
    case 'close':
      return close(ctx, keyId, work.hash, service)
    case 'rotate':
      return rotate(ctx, work.key, service)
    case 'limit':
      return moveLimit(ctx, work.key, service)
    case 'remove':
      await service.deleteKey(work.hash)
      await ctx.db.$executeRaw`
          update keymint.api_keys set deleted_upstream_at = ${ctx.now()}::timestamptz where id = ${keyId}::uuid
            and settled_at is not null`
      return
    case 'remove-retired':
      await service.deleteKey(work.hash)
      await ctx.db.$executeRaw`
          update keymint.retired_sub_keys set deleted_at = ${ctx.now()}::timestamptz
            where key_hash = ${work.hash} and settled_at is not null`
      return
  }
}

async function readWork(
  ctx: Ctx,
  keyId: string,
): Promise<{ masterKeyId: string; work: Work } | null> {
  return ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, keyId)
    if (!open) return null
    const { key } = open
    const found = (work: Work) => ({ masterKeyId: key.masterKeyId, work })
    if (key.state === 'ended' && key.keyHash !== null) {
      if (key.closedUpstreamAt === null) return found({ kind: 'close', hash: key.keyHash })
      const [row] = await tx.$queryRaw<{ due: boolean }[]>`
        select settled_at is not null and deleted_upstream_at is null as due from keymint.api_keys
          where id = ${keyId}::uuid`
      if (row?.due) return found({ kind: 'remove', hash: key.keyHash })
    }
    const [retired] = await tx.$queryRaw<{ hash: string }[]>`
      select key_hash as hash from keymint.retired_sub_keys where api_key_id = ${keyId}::uuid
        and settled_at is not null and deleted_at is null limit 1`
    if (retired) return found({ kind: 'remove-retired', hash: retired.hash })
    if (key.state === 'ready' && key.rotateRequestedAt !== null)
      return found({ kind: 'rotate', key })
    if (
      key.state === 'ready' &&
      (key.wantedCap !== null || dueUpstreamCap(key) !== key.upstreamCap)
    )
      return found({ kind: 'limit', key })
    return found({ kind: 'nothing' })
  })
}

/**
 * Disables the key, not deletes it, because its counters must be read once more. A key that is
 * missing upstream counts as disabled.
 */
async function close(ctx: Ctx, keyId: string, hash: string, service: ServiceKeys): Promise<void> {
  const missing = await disable(service, hash)
  await ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, keyId)
    if (!open || open.key.state !== 'ended' || open.key.closedUpstreamAt !== null) return
    await tx.$executeRaw`
      update keymint.api_keys set closed_upstream_at = ${ctx.now()}::timestamptz, upstream_disabled = true,
        upstream_missing_at = case when ${missing} then coalesce(upstream_missing_at, ${ctx.now()}::timestamptz)
          else upstream_missing_at end
      where id = ${keyId}::uuid`
    await audit(tx, open.member, open.key, 'worker', 'sub-key.closed-upstream', {
      missing: missing ? 'yes' : 'no',
    })
  })
}

/** True when the provider says that there is no such key. */
async function disable(service: ServiceKeys, hash: string): Promise<boolean> {
  try {
    await service.disableKey(hash)
    return false
  } catch (error) {
    if (isProviderError(error) && error.details.reason === 'not-found') return true
    throw error
  }
}

async function moveLimit(ctx: Ctx, asked: SubKeyRow, service: ServiceKeys): Promise<void> {
  const limit = dueUpstreamCap(asked)
  if (asked.keyHash === null) return
  // Late usage of earlier generations may leave nothing: then the key is disabled.
  if (limit <= 0n) await service.disableKey(asked.keyHash)
  else await service.updateLimit(asked.keyHash, limit)
  await ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, asked.id)
    // Changed again, rotated or ended meanwhile: the next step reads what the row asks for now.
    if (
      !open ||
      open.key.state !== 'ready' ||
      open.key.keyHash !== asked.keyHash ||
      open.key.wantedCap !== asked.wantedCap
    )
      return
    const { member, key } = open
    const cap = key.wantedCap ?? key.cap
    await tx.$executeRaw`
      update keymint.api_keys
        set cap_usd = ${decimalStringFromNano(cap)}::numeric, wanted_cap_usd = null,
        upstream_cap_usd = ${decimalStringFromNano(limit)}::numeric where id = ${key.id}::uuid`
    if (key.wantedCap !== null)
      await audit(tx, member, key, 'worker', 'sub-key.cap-changed', {
        fromUsd: decimalStringFromNano(key.cap),
        toUsd: decimalStringFromNano(cap),
      })
    await post(tx, member, ctx.now(), 'worker', releaseBeyond(key, member.month, cap))
  })
}

/**
 * The provider refused the new cap: the old one stays, and what was reserved for more is released.
 * `change_error` is the provider's own sentence, empty when it gave none.
 */
async function giveUpLimit(
  ctx: Ctx,
  keyId: string,
  asked: SubKeyRow,
  providerMessage: string,
): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const open = await openSubKey(ctx, tx, keyId)
    if (!open || open.key.state !== 'ready' || open.key.wantedCap !== asked.wantedCap) return
    const { member, key } = open
    // Also when no person asked for it: the limit upstream then counts as it is, so that it is not
    // requested forever.
    await tx.$executeRaw`
      update keymint.api_keys set wanted_cap_usd = null, change_error = ${cut(providerMessage, 300)},
        upstream_cap_usd = case when wanted_cap_usd is null then cap_usd - carried_usd else upstream_cap_usd end
          where id = ${keyId}::uuid`
    await audit(tx, member, key, 'worker', 'sub-key.cap-refused', {
      wantedUsd: key.wantedCap === null ? null : decimalStringFromNano(key.wantedCap),
    })
    await post(tx, member, ctx.now(), 'worker', releaseBeyond(key, member.month, key.cap))
  })
}

/**
 * Disables the old key, reads it and retires it; what is left goes to a new generation, which the
 * mint engine makes like any other.
 */
async function rotate(ctx: Ctx, asked: SubKeyRow, service: ServiceKeys): Promise<void> {
  const hash = asked.keyHash
  if (hash === null) return
  const missing = await disable(service, hash)
  const askedAt = ctx.now()
  const reading = missing ? undefined : (await service.readUsage([hash])).get(hash)
  await ctx.db.$transaction(async (tx) => {
    const before = await openSubKey(ctx, tx, asked.id)
    if (
      !before ||
      before.key.state !== 'ready' ||
      before.key.keyHash !== hash ||
      before.key.rotateRequestedAt === null
    )
      return
    const { member } = before
    if (reading && monthOf(askedAt) === member.month)
      await keepReading(
        ctx,
        tx,
        member,
        before.key,
        { keyId: asked.id, generation: before.key.generation, ...reading },
        askedAt,
      )
    const key = (await openSubKey(ctx, tx, asked.id))?.key ?? before.key
    const used = spentOfCap(key, member.month)
    // The key may have expired while the provider was unreachable.
    if (key.expiresAt <= ctx.now())
      return endKey(ctx, tx, member, key, {
        actor: 'worker',
        reason: 'expired',
        endedAt: key.expiresAt,
      })
    if (used >= key.cap) return endKey(ctx, tx, member, key, { actor: 'worker', reason: 'spent' })
    await tx.$executeRaw`
      insert into keymint.retired_sub_keys (key_hash, api_key_id, generation, usage_usd, usage_synced_at,
        missing_at, retired_at)
      values (${hash}, ${key.id}::uuid, ${key.generation}::int, ${decimalStringFromNano(key.usage)}::numeric,
        ${askedAt}::timestamptz, ${missing ? askedAt : null}::timestamptz, ${ctx.now()}::timestamptz)`
    await tx.$executeRaw`
      update keymint.api_keys
        set state = 'pending', generation = generation + 1, key_hash = null, sealed = null, key_label = null,
        key_saved_at = null, revealed_at = null,
        rotate_requested_at = null, upstream_cap_usd = null, upstream_disabled = false, usage_usd = 0,
          usage_synced_at = null, window_base_usd = 0, window_used_usd = 0,
        window_month = ${member.month}::date, carried_usd = ${decimalStringFromNano(used)}::numeric
      where id = ${key.id}::uuid`
    await queueSubKeyMint(ctx, tx, member, {
      id: key.id,
      generation: key.generation + 1,
      limit: key.cap - used,
    })
    // This is the last reading of the old generation, so it closes the months before this one.
    const earlier = key.months.filter(({ month }) => month < member.month)
    await post(
      tx,
      member,
      ctx.now(),
      'worker',
      releaseAll({ ...key, months: earlier }, 'the month is closed by its last reading'),
    )
    await audit(tx, member, key, 'worker', 'sub-key.rotated', {
      generation: key.generation + 1,
      carriedUsd: decimalStringFromNano(used),
    })
  })
}
