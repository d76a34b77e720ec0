/**
 * A rotation with an overlap: the old key works on beside the new one for some hours. Guarantee: both
 * together never spend more than the key's cap. The old key is lowered to what it has used and a half
 * of what is left, for life, and the new one is not made before the provider has confirmed that.
 */
import type { ServiceCapabilities } from '~/adapters/service-adapter'
import type { Tx } from '~/adapters/db.server'
import type { NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { isOver, larger, minLimit, type Key } from '../keys/key-row'
import { book, wantLimit, wantOff } from '../keys/want.server'
import { audit } from './end-key.server'
import { subKeyHolder, type SubKeyRow } from './key-row.server'
import { onKey, type KeyActor } from './on-key.server'

export const maxOverlapHours = 24

/** The old key's part of what is left: a half. */
const partDivisor = 2n

/**
 * Whether an old key of this service can work on beside a new one. Where the service forgets a key's
 * total at its reset, a sum for life would begin anew.
 */
export const mayOverlap = (
  capabilities: ServiceCapabilities | undefined,
  reset: 'monthly' | null,
): boolean =>
  capabilities?.rotation === true &&
  capabilities.end === 'disable' &&
  (reset === null || capabilities.keepsTotal)

/** A key that works on beside the one that counts now. */
const isOverlapping = (one: Key, generation: number): boolean =>
  one.generation < generation && one.savedAt !== null && one.withoutReset && !isOver(one)

/** Lowers the present key to its part of what is left (nano-USD); its time begins when the new one is made. */
export async function beginOverlap(
  ctx: Ctx,
  tx: Tx,
  key: SubKeyRow,
  keys: readonly Key[],
  { left, hours }: { left: NanoUsd; hours: number },
): Promise<void> {
  const old = keys.find(({ generation }) => generation === key.generation)
  if (!old) return
  await wantLimit(ctx, tx, old, {
    limit: partOf(old, left),
    withoutReset: true,
    graceUntil: old.expiresAt,
    graceSeconds: hours * 3_600,
  })
}

const partOf = (old: Key, left: NanoUsd): NanoUsd =>
  larger(old.used + larger(left, 0n) / partDivisor, minLimit)

/** The cap was lowered, so that so much is left of it (nano-USD): an old key has no more than its part of that. */
export async function lowerOldKeys(
  ctx: Ctx,
  tx: Tx,
  key: SubKeyRow,
  keys: readonly Key[],
  left: NanoUsd,
): Promise<void> {
  for (const old of keys.filter((one) => isOverlapping(one, key.generation)))
    if (partOf(old, left) < old.limit)
      await wantLimit(ctx, tx, old, { limit: partOf(old, left), withoutReset: true })
}

export type EndOldKeyOutcome =
  { kind: 'ended' } | { kind: 'refused'; reason: 'no-such-key' | 'no-old-key' }

/** Ends the overlap now, for the key's holder or an owner. The new key gets what the old one leaves. */
export async function endOldKey(
  ctx: Ctx,
  actor: KeyActor,
  reason: string,
): Promise<EndOldKeyOutcome> {
  return onKey(ctx, actor, async (tx, { member, key, keys }): Promise<EndOldKeyOutcome> => {
    const old = keys.filter((one) => isOverlapping(one, key.generation))
    if (old.length === 0) return { kind: 'refused', reason: 'no-old-key' }
    await wantOff(ctx, tx, old, 'replaced')
    const by = `user:${actor.userId}` as const
    await audit(tx, member, key, by, 'sub-key.former-ended', { reason })
    await book(ctx, tx, subKeyHolder(key.id), { actor: by, why: 'the old key was ended' })
    return { kind: 'ended' }
  })
}

/**
 * The provider makes no new key: the old one that works on is the key again, with its whole cap.
 * False when there is none. The caller has locked the holder and books afterwards.
 */
export async function keepFormer(
  tx: Tx,
  ref: { holderId: string; generation: number },
  detail: string | null,
): Promise<boolean> {
  const [old] = await tx.$queryRaw<{ id: string; generation: number }[]>`
    select id, generation from keymint.keys where holder_kind = 'sub-key' and holder_id = ${ref.holderId}::uuid
      and generation < ${ref.generation}::int and saved_at is not null and without_reset
      and off_ended_at is null and off_replaced_at is null and missing_at is null
      and expires_at > keymint.now() order by generation desc limit 1`
  if (!old) return false
  const changed = await tx.$executeRaw`
    update keymint.api_keys set state = 'ready', generation = ${old.generation}::int, reason_detail = ${detail}
    where id = ${ref.holderId}::uuid and generation = ${ref.generation}::int and state = 'pending'`
  if (changed !== 1) return false
  await tx.$executeRaw`
    update keymint.keys set without_reset = false, grace_until = null, grace_seconds = null,
      revision = revision + 1, version = version + 1, apply_at = null, apply_tries = 0
    where id = ${old.id}::uuid`
  return true
}
