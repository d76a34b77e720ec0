/**
 * One page of an account's list: what it shows of our keys is kept, together where it can be, and
 * keys of ours that no row holds are looked at.
 */
import type { ServiceKey } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import type { Ctx } from '../ctx'
import { removeOrphans, type AccountReport } from './account-orphans.server'
import type { OpenAccount } from './accounts.server'
import { upstreamNamePrefix } from './attempts.server'
import { noteOtherModels } from './model-lists.server'
import { recordPlainReadings, type SeenKey } from './plain-readings.server'
import { readMetered } from './read-metered.server'
import { recordReading } from './readings.server'

type Known = {
  id: string
  hash: string
  holderKind: string
  holderId: string
  /** By the provider's own counters, as last shown. */
  used: string
  windowUsed: string
  seenLimit: string | null
  seenOff: boolean
  seenReset: string | null
  settled: boolean
  /** It was read in the present window before: an idle key shows nothing new until the next one. */
  inWindow: boolean
  missing: boolean
  leaving: boolean
  meter: string | null
  /** Where usage comes from the key alone: it was asked so long ago that it is asked again. */
  due: boolean
}

export async function takePage(
  ctx: Ctx,
  account: OpenAccount,
  keys: readonly ServiceKey[],
  askedAt: Date,
  seen: Set<string>,
  report: AccountReport,
  dryRun: boolean,
): Promise<void> {
  const readEvery = account.adapter.capabilities.readEverySeconds
  const known = new Map(
    (
      await ctx.db.$queryRaw<Known[]>`
        select id, hash, holder_kind as "holderKind", holder_id as "holderId",
          (used_usd - used_base_usd)::text as used, (window_used_usd - window_base_usd)::text as "windowUsed",
          seen_limit_usd::text as "seenLimit", seen_off as "seenOff", seen_reset as "seenReset",
          settled_at is not null as settled, missing_at is not null as missing,
          coalesce(window_started_at >= date_trunc(case when holder_kind = 'sub-key' then 'month' else
            case limit_reset when 'daily' then 'day' when 'weekly' then 'week' when 'monthly' then 'month' end
            end, keymint.now() at time zone 'UTC') at time zone 'UTC', limit_reset is null) as "inWindow",
          without_reset and closed_at is null as leaving, meter,
          settled_at is null and (read_at is null or read_at <= ${askedAt}::timestamptz
            - make_interval(secs => ${Math.max(0, (readEvery ?? 0) - 10)}::int)) as due
        from keymint.keys where account = ${account.id}::uuid
          and hash = any(${keys.map((key) => key.id)}::text[]) and deleted_at is null
          and installation = ${ctx.installationId}`
    ).map((row) => [row.hash, row]),
  )
  const unchanged: string[] = []
  const changed: SeenKey[] = []
  const metered: Known[] = []
  for (const key of keys) {
    const row = known.get(key.id)
    // A list may show one key many times; it is kept once in a pass.
    if (!row || seen.has(key.id)) continue
    seen.add(key.id)
    report.read++
    if (dryRun) continue
    if (readEvery !== null) {
      if (row.due) metered.push(row)
      continue
    }
    // Most keys are idle between two passes: those need no lock, only their time.
    if (isUnchanged(row, key)) unchanged.push(row.id)
    else
      changed.push({ keyId: row.id, holderKind: row.holderKind, holderId: row.holderId, seen: key })
  }
  await keepChanged(ctx, changed, askedAt)
  if (!dryRun) await noteOtherModels(ctx, account.id, keys, askedAt)
  await readMetered(ctx, account, metered, keepOne)
  if (unchanged.length > 0) await keepReadTimes(ctx, unchanged, askedAt)
  await removeOrphans(
    ctx,
    account,
    // Pages are read anew while keys move: what was judged in this pass is not judged twice.
    keys.filter(
      (key) => key.name.startsWith(upstreamNamePrefix(ctx.installationId)) && !seen.has(key.id),
    ),
    report,
    dryRun,
  )
  for (const key of keys)
    if (key.name.startsWith(upstreamNamePrefix(ctx.installationId))) seen.add(key.id)
}

/** Holders before keys, as everywhere, and no wait: who is at a row now writes its time or the next pass does. */
async function keepReadTimes(ctx: Ctx, keyIds: readonly string[], askedAt: Date): Promise<void> {
  await ctx.db.$executeRaw`
    with due as (select id, holder_id from keymint.keys where id = any(${keyIds}::uuid[]) and settled_at is null),
    claims as (select claim_id as id from keymint.workshop_attendance
      where claim_id in (select holder_id from due) for update skip locked),
    sub_keys as (select id from keymint.api_keys
      where id in (select holder_id from due) for update skip locked),
    spares as (select id from keymint.spares
      where id in (select holder_id from due) for update skip locked)
    update keymint.keys set read_at = greatest(read_at, ${askedAt}::timestamptz) where id in (
      select k.id from keymint.keys k where k.id in (select id from due)
        and k.holder_id in (select id from claims union all select id from sub_keys
          union all select id from spares)
      for update skip locked)`
}

/** Together where only counters moved, each by itself where more follows from it. */
async function keepChanged(ctx: Ctx, changed: readonly SeenKey[], askedAt: Date): Promise<void> {
  const kept = await recordPlainReadings(ctx, changed, askedAt).catch((error: unknown) => {
    ctx.log.warn({ error }, 'the readings of a page could not be kept together')
    return new Set<string>()
  })
  for (const { keyId, seen } of changed)
    if (!kept.has(keyId)) await keepOne(ctx, keyId, seen, askedAt)
}

/** One key that cannot be kept is set aside: its neighbours are read as if it were not there. */
async function keepOne(ctx: Ctx, keyId: string, key: ServiceKey, askedAt: Date): Promise<void> {
  try {
    await recordReading(ctx, keyId, key, askedAt, { own: false })
  } catch (error) {
    ctx.log.error({ error, keyId }, 'the reading of a key could not be kept')
    await ctx.db.$executeRaw`
      update keymint.keys set read_tries = read_tries + 1, read_error = '{"reason": "unexpected"}'::jsonb
      where id = ${keyId}::uuid`
  }
}

function isUnchanged(row: Known, key: ServiceKey): boolean {
  return (
    !row.missing &&
    key.usage !== null &&
    !row.leaving &&
    row.used === decimalStringFromNano(key.usage) &&
    row.seenOff === key.disabled &&
    row.seenReset === key.reset &&
    key.includeByok !== false &&
    row.seenLimit === (key.cap === null ? null : decimalStringFromNano(key.cap)) &&
    (row.settled || row.inWindow) &&
    (row.settled || row.windowUsed === decimalStringFromNano(key.usedInWindow))
  )
}
