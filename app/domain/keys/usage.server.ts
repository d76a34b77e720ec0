/**
 * Usage: what the provider says a key has used, copied into the database. Counters upstream may lag
 * and disagree between calls, so the largest reading of a window is kept, and every number carries
 * the time it was read. A key is read until it is settled and a day longer, so that what is spent
 * late is charged and not lost.
 */
import type { Tx } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { liveKey } from '../live-claim.server'
import { windowState } from '../workshop/workshop'
import { readAccount } from './account-reading.server'
import { markRetiredMissing, recordRetiredReadings } from './retired-usage.server'
import { takeSamples } from './samples.server'
import { lateChargeHours, settle } from './settle.server'

export type KeyReading = {
  keyHash: string
  limit: NanoUsd | null
  limitRemaining: NanoUsd | null
  usage: NanoUsd
  disabled: boolean
}

export type SyncReport =
  | { kind: 'synced'; keys: number; everySeconds: number; why: string }
  | { kind: 'not-due'; everySeconds: number; why: string }

const quietSeconds = 900
/** The schedule fires a little early or late: a sixth of the time between two reads. */
const slackOf = (seconds: number) => Math.floor(seconds / 6)
/** Absences are asked about one by one; what is beyond this waits for the next pass. */
const maxAsked = 200

/**
 * Syncs if it is time: each minute (READ_USAGE_SECONDS) while a workshop is open and has live keys,
 * every 15 minutes otherwise, and again after a minute when the last try failed. A giveaway, which
 * is open for months, does not count as an open workshop.
 */
export async function syncUsageIfDue(ctx: Ctx): Promise<SyncReport> {
  const pace = await readPace(ctx)
  if (!pace.due) return { kind: 'not-due', everySeconds: pace.everySeconds, why: pace.why }
  const { keys } = await syncUsage(ctx)
  await ctx.db.$executeRaw`update keymint.usage_syncs set every_seconds = ${pace.everySeconds}::int`
  return { kind: 'synced', keys, everySeconds: pace.everySeconds, why: pace.why }
}

async function readPace(ctx: Ctx): Promise<{ everySeconds: number; why: string; due: boolean }> {
  const open = [...ctx.workshops.workshops.values()]
    .filter(
      (workshop) => workshop.kind === 'workshop' && windowState(workshop, ctx.now()) === 'open',
    )
    .map((workshop) => workshop.slug)
  const [busy] = await ctx.db.$queryRaw<{ scope: string }[]>`
    select k.scope from keymint.held_keys k where k.scope = any(${open})
      and ${liveKey(ctx.now())} limit 1`
  const busySeconds = ctx.settings.readUsageSeconds
  const everySeconds = busy ? busySeconds : quietSeconds
  const [sync] = await ctx.db.$queryRaw<{ due: boolean }[]>`
    select coalesce(greatest(synced_at, failed_at) <= now() - make_interval(secs =>
      (case when failed_at > synced_at
        or synced_at is null then least(${everySeconds}::int, ${busySeconds}::int) else ${everySeconds}::int
        end) - ${slackOf(busySeconds)}::int), true) as due from keymint.usage_syncs`
  const why = busy ? `${busy.scope} is open and has live keys` : 'no open workshop has live keys'
  return { everySeconds, why, due: sync?.due ?? true }
}

type Wanted = {
  hash: string
  ownerKind: string
  scope: string
  live: boolean
  askAbout: boolean
  retired: boolean
}

/**
 * Reads the account's credits and the usage of all keys that count, and settles what has ended.
 * Asks for no list of keys when there is none to read.
 */
export async function syncUsage(ctx: Ctx): Promise<{ keys: number }> {
  await readAccount(ctx)
  const [{ askedAt } = { askedAt: ctx.now() }] = await ctx.db.$queryRaw<
    { askedAt: Date }[]
  >`select now() as "askedAt"`
  try {
    const keys = await readKeys(ctx, askedAt)
    await ctx.db.$executeRaw`
        update keymint.usage_syncs
          set synced_at = ${askedAt}::timestamptz, keys = ${keys}::int, error = null, failed_at = null`
    return { keys }
  } catch (error) {
    if (isProviderError(error))
      await ctx.db
        .$executeRaw`update keymint.usage_syncs set error = ${error.message}, failed_at = now()`
    throw error
  }
}

async function readKeys(ctx: Ctx, askedAt: Date): Promise<number> {
  const wanted = await ctx.db.$queryRaw<Wanted[]>`
    select key_hash as hash, owner_kind as "ownerKind", scope, live, not live and settled_at is null
      and upstream_missing_at is null as "askAbout", retired
    from keymint.held_keys where settled_at is null
      or settled_at > now() - make_interval(hours => ${lateChargeHours}::int)`
  if (wanted.length === 0) return 0
  const byHash = new Map(wanted.map((key) => [key.hash, key]))
  const found = (await ctx.provider.listKeys()).filter((key) => byHash.has(key.hash))
  const listed = new Set(found.map((key) => key.hash))
  // Absence from a list may be a page that shifted: the key itself is asked for before it counts as
  // gone.
  for (const key of wanted
    .filter(({ askAbout, hash }) => askAbout && !listed.has(hash))
    .slice(0, maxAsked)) {
    const there = await ctx.provider.findKey(key.hash)
    if (there) found.push(there)
    else await markMissing(ctx, key)
  }
  await recordReadings(
    ctx.db,
    found.map((key) => ({
      keyHash: key.hash,
      limit: key.limit,
      limitRemaining: key.limitRemaining,
      usage: key.usage,
      disabled: key.disabled,
    })),
    askedAt,
  )
  await settle(ctx)
  await takeSamples(ctx.db, [...new Set(wanted.map((key) => key.scope))], askedAt)
  return found.length
}

async function markMissing(ctx: Ctx, key: Wanted): Promise<void> {
  if (key.retired) await markRetiredMissing(ctx.db, key.hash)
  else await ctx.holders[key.ownerKind]?.markMissing(ctx.db, [key.hash])
}

/**
 * Keeps readings: usage only grows; what is used in a window grows until the window (UTC) changes.
 * `askedAt`, by Postgres's clock, is when the provider was asked: a list that was asked for before
 * midnight and kept after it must not count yesterday's use in today's window. `window: false` is
 * for a limit that says nothing about the window.
 */
export async function recordReadings(
  db: Tx,
  readings: KeyReading[],
  askedAt: Date,
  options: { window: boolean } = { window: true },
): Promise<void> {
  if (readings.length === 0) return
  const usedInWindow = (reading: KeyReading) => {
    if (reading.limit === null || reading.limitRemaining === null) return reading.usage
    const used = reading.limit - reading.limitRemaining
    return used < 0n ? 0n : used
  }
  await db.$executeRaw`
    with reading as (
      select * from unnest(${readings.map((r) => r.keyHash)}::text[],
        ${readings.map((r) => decimalStringFromNano(r.usage))}::numeric[],
        ${readings.map((r) => decimalStringFromNano(usedInWindow(r)))}::numeric[],
          ${readings.map((r) => r.disabled)}::bool[]) as r(hash, usage, used, disabled)),
    aimed as (
      select reading.*, case c.limit_reset when 'daily' then date_trunc('day', ${askedAt}::timestamptz, 'UTC')
        when 'weekly' then date_trunc('week', ${askedAt}::timestamptz, 'UTC')
        when 'monthly' then date_trunc('month', ${askedAt}::timestamptz, 'UTC') end as window_start
      from reading join keymint.workshop_attendance c on c.or_key_hash = reading.hash)
    update keymint.workshop_attendance c
    set usage_usd = greatest(c.usage_usd, aimed.usage),
        window_used_usd = case when not ${options.window} then c.window_used_usd
          when c.window_started_at is not distinct from aimed.window_start then greatest(c.window_used_usd,
          aimed.used)
          when c.window_started_at > aimed.window_start then c.window_used_usd else aimed.used end,
        window_started_at = case when ${options.window} then greatest(c.window_started_at, aimed.window_start)
          else c.window_started_at
          end, usage_synced_at = greatest(c.usage_synced_at, ${askedAt}::timestamptz),
          upstream_disabled = aimed.disabled, upstream_missing_at = null
    from aimed where c.or_key_hash = aimed.hash`
  await recordRetiredReadings(db, readings, askedAt)
}
