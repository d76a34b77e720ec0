/**
 * Many readings in one transaction: those that move counters and nothing else, of live keys whose
 * holder's money does not follow use by itself. What such a reading writes is what `recordReading`
 * would write; every other one, and every row that somebody is at, is left to it.
 */
import type { Tx } from '~/adapters/db.server'
import type { ServiceKey } from '~/adapters/service-adapter'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import type { IdleHolder } from '../holder'
import { isCapHeldHere } from './cap-held-here'
import { isOver, type Key } from './key-row'
import { engineNow, lockKeysOfMany } from './key-store.server'
import { goesDown } from './readings.server'
import { takeReading, type TakenReading } from './reading'
import { committedOf, dueKeys } from './windows'

export type SeenKey = { keyId: string; holderKind: string; holderId: string; seen: ServiceKey }

/** Keeps those that it may, and returns the ids of their keys. */
export async function recordPlainReadings(
  ctx: Ctx,
  readings: readonly SeenKey[],
  askedAt: Date,
): Promise<Set<string>> {
  const kept = new Set<string>()
  for (const [kind, port] of Object.entries(ctx.holders)) {
    const ofKind = readings.filter(({ holderKind }) => holderKind === kind)
    if (!port.lockIdle || ofKind.length === 0) continue
    const ids = [...new Set(ofKind.map(({ holderId }) => holderId))]
    await ctx.db.$transaction(async (tx) => {
      const holders = await port.lockIdle?.(tx, ids)
      if (!holders || holders.length === 0) return
      const now = await engineNow(tx)
      const keys = await lockKeysOfMany(
        tx,
        kind,
        holders.map(({ holderId }) => holderId),
      )
      const seen = new Map(ofKind.map((reading) => [reading.keyId, reading.seen]))
      const plain = holders.flatMap((holder) => {
        const ofHolder = keys.get(holder.holderId) ?? []
        // Where Keymint holds the cap, each reading decides about the key.
        if (ofHolder.some((key) => isCapHeldHere(ctx, key))) return []
        return plainOf(holder, ofHolder, seen, askedAt, now)
      })
      await write(tx, plain, askedAt)
      for (const { key } of plain) kept.add(key.id)
    })
  }
  return kept
}

type Plain = { key: Key; taken: TakenReading; windows: Key['windows'] }

/** The readings of one holder's keys, or none where any of them moves more than counters. */
function plainOf(
  holder: IdleHolder,
  keys: readonly Key[],
  seen: ReadonlyMap<string, ServiceKey>,
  askedAt: Date,
  now: Date,
): Plain[] {
  const found = new Map<string, TakenReading>()
  const read: Key[] = []
  for (const key of keys) {
    const shown = seen.get(key.id)
    const taken = shown && mayBePlain(key, shown) ? takeReading(key, shown, askedAt, 'reset') : null
    if (shown && (!taken || taken === 'absurd' || taken.fell || taken.late)) return []
    if (taken && taken !== 'absurd') found.set(key.id, taken)
    read.push(taken && taken !== 'absurd' ? { ...key, ...taken.counters, readAt: askedAt } : key)
  }
  const due = dueKeys(read, { cap: holder.cap, accounting: 'reset' }, now)
  const moves =
    total(due) !== holder.committed ||
    due.some(
      (key, index) =>
        key.limit !== keys[index]?.limit ||
        key.limitDueAt?.getTime() !== keys[index]?.limitDueAt?.getTime(),
    )
  if (moves) return []
  return due.flatMap((key, index) => {
    const before = keys[index]
    const taken = found.get(key.id)
    return before && taken ? [{ key: before, taken, windows: key.windows }] : []
  })
}

const total = (keys: readonly Key[]): NanoUsd =>
  keys.reduce((sum, key) => sum + committedOf(key.windows), 0n)

/** Live, as it was seen before, and nothing of it waits for a reading. */
const mayBePlain = (key: Key, seen: ServiceKey): boolean =>
  key.savedAt !== null &&
  key.closedAt === null &&
  key.settledAt === null &&
  key.missingAt === null &&
  key.deletedAt === null &&
  !key.withoutReset &&
  !isOver(key) &&
  key.seen.off === seen.disabled &&
  key.seen.reset === seen.reset &&
  key.seen.byok !== false &&
  key.seen.limit === seen.cap &&
  !goesDown(key, seen)

async function write(tx: Tx, plain: readonly Plain[], askedAt: Date): Promise<void> {
  if (plain.length === 0) return
  const usd = (pick: (one: Plain) => NanoUsd) =>
    plain.map((one) => decimalStringFromNano(pick(one)))
  const ids = plain.map(({ key }) => key.id)
  await tx.$executeRaw`
    update keymint.keys k set used_usd = d.used, used_base_usd = d.used_base, window_used_usd = d.window_used,
      window_base_usd = d.window_base, window_started_at = d.started, next_read_at = null, read_tries = 0,
      read_error = null, read_at = greatest(k.read_at, ${askedAt}::timestamptz),
      grown_at = case when d.grown then greatest(k.grown_at, ${askedAt}::timestamptz) else k.grown_at end,
      stable_at = case when d.grown then null else k.stable_at end
    from unnest(${ids}::uuid[], ${usd(({ taken }) => taken.counters.used)}::numeric[],
      ${usd(({ taken }) => taken.counters.usedBase)}::numeric[],
      ${usd(({ taken }) => taken.counters.windowUsed)}::numeric[],
      ${usd(({ taken }) => taken.counters.windowBase)}::numeric[],
      ${plain.map(({ taken }) => taken.counters.windowStartedAt)}::timestamptz[],
      ${plain.map(({ taken }) => taken.grown)}::boolean[])
      as d(id, used, used_base, window_used, window_base, started, grown)
    where k.id = d.id`
  const windows = plain.flatMap(({ key, windows }) =>
    windows.map((window) => ({ keyId: key.id, ...window })),
  )
  await tx.$executeRaw`
    with due as (
      select * from unnest(${windows.map(({ keyId }) => keyId)}::uuid[],
        ${windows.map(({ startsAt }) => startsAt)}::timestamptz[],
        ${windows.map(({ reserved }) => decimalStringFromNano(reserved))}::numeric[],
        ${windows.map(({ used }) => decimalStringFromNano(used))}::numeric[]) as d(key_id, starts_at, reserved, used)),
    gone as (
      delete from keymint.key_windows w where w.key_id = any(${ids}::uuid[])
        and not exists (select 1 from due d where d.key_id = w.key_id and d.starts_at = w.starts_at))
    insert into keymint.key_windows as w (key_id, starts_at, reserved_usd, used_usd)
    select key_id, starts_at, reserved, used from due
    on conflict (key_id, starts_at) do update
      set reserved_usd = excluded.reserved_usd, used_usd = excluded.used_usd
      where (w.reserved_usd, w.used_usd) is distinct from (excluded.reserved_usd, excluded.used_usd)`
}
