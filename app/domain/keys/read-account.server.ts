/**
 * One look at all keys of one account, page by page in constant memory: their use, what the provider
 * shows of them, and keys of ours that no row holds. What may be deleted: only a name of our own
 * attempts, condemned before it is deleted. An account's failure is its own: it has its own job,
 * deadline and budget of rows, and what goes over them is kept as its error.
 */
import { Prisma } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import type { ServiceKey } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import type { Ctx } from '../ctx'
import type { JobError, JobOutcome } from '../job-outcome'
import { jobErrorOf } from '../error-text'
import {
  confirmAccount,
  deploymentAccount,
  openAccount,
  parkAccount,
  readAccountState,
  type OpenAccount,
} from './accounts.server'
import { upstreamNamePrefix } from './attempts.server'
import { reassignLost } from './bind.server'
import { engineNow } from './key-store.server'
import { sampleAccount } from './samples.server'
import { readMetered } from './read-metered.server'
import { readDueKeys, recordMissing, recordReading } from './readings.server'
import {
  type AccountReport,
  removeOrphans,
  resolveAttempts,
  deleteKnownCondemned,
} from './account-orphans.server'

/** One account's job ends by then; what is left is for the next. */
const accountDeadlineMs = 120_000
/** A whole list once a day; in between, to the oldest key that still matters. */
const wholeListHours = 24
/** Absences asked about one by one in a pass. */
const maxAsked = 100
/** So many answers in a row that are none, and the account answers nobody. */
const maxFailures = 3
/** So many known keys at least, and so large a part of them absent at once: it is another account. */
const otherAccount = { minKeys: 3, share: 0.5 }

/** A call whose key may still turn up: for a day, or until it is deleted where it is known. */
const openAttempt = Prisma.sql`(t.deleted_at is null and (
  (t.state = 'condemned' and t.key_hash is not null) or (t.state in ('sent', 'unknown', 'condemned')
    and (t.resolved_at is null or t.sent_at > keymint.now() - interval '24 hours'))))`

/** The job of one account: keys that are due, then the list where there is anything to look for. */
export async function readAccount(ctx: Ctx, accountId: string): Promise<JobOutcome> {
  const state = await readAccountState(ctx.db, accountId)
  if (state.parked) return { kind: 'done' }
  const account = await openAccount(ctx, accountId)
  if (!account) return { kind: 'done' }
  const signal = AbortSignal.timeout(accountDeadlineMs)
  try {
    const due = await readDueKeys(ctx, account, signal)
    if (signal.aborted) throw new PassEnded('deadline')
    if (await hasWork(ctx, accountId)) {
      await listAccount(ctx, account, { signal })
      await sampleAccount(ctx.db, accountId)
      if (accountId === deploymentAccount) await reassignLost(ctx)
    }
    await ctx.db.$executeRaw`
      update keymint.accounts set read_error = null, read_failed_at = null where id = ${accountId}::uuid`
    return due.left ? { kind: 'snooze', seconds: 1, reason: 'more keys are due' } : { kind: 'done' }
  } catch (error) {
    const cause = causeOf(error)
    if (!cause) throw error
    await ctx.db.$executeRaw`
      update keymint.accounts set read_error = ${JSON.stringify(cause)}::jsonb,
        read_failed_at = coalesce(read_failed_at, keymint.now()) where id = ${accountId}::uuid`
    return { kind: 'done', error: cause }
  }
}

/** While keys wait to be settled, the next look at them; what is later is left to the minute's pass. */
const dueLookSeconds = 30

/** Reads the keys of one account that are due, and comes back while others soon are. */
export async function readDue(ctx: Ctx, accountId: string): Promise<JobOutcome> {
  const state = await readAccountState(ctx.db, accountId)
  const account = state.parked ? null : await openAccount(ctx, accountId)
  if (!account) return { kind: 'done' }
  const { left } = await readDueKeys(ctx, account, AbortSignal.timeout(accountDeadlineMs))
  if (left) return { kind: 'snooze', seconds: 1, reason: 'more keys are due' }
  const [next] = await ctx.db.$queryRaw<{ seconds: number | null }[]>`
    select ceil(extract(epoch from min(next_read_at) - keymint.now()))::int as seconds from keymint.keys
    where account = ${accountId}::uuid and settled_at is null and closed_at is not null
      and read_tries = 0 and next_read_at < keymint.now() + interval '10 min'
      and installation = ${ctx.installationId}`
  if (next?.seconds == null) return { kind: 'done' }
  const seconds = Math.min(dueLookSeconds, Math.max(1, next.seconds))
  return { kind: 'snooze', seconds, reason: 'keys are due soon' }
}

class PassEnded extends Error {
  constructor(readonly reason: 'deadline') {
    super(reason)
  }
}

function causeOf(error: unknown): JobError | null {
  if (isProviderError(error)) return jobErrorOf(error.details)
  if (error instanceof PassEnded) return { reason: error.reason }
  return null
}

/** Nothing wanted is left: nothing is read. */
async function hasWork(ctx: Ctx, accountId: string): Promise<boolean> {
  const [row] = await ctx.db.$queryRaw<{ any: boolean }[]>`
    select exists (select 1 from keymint.keys k where k.account = ${accountId}::uuid and k.saved_at is not null
        and k.deleted_at is null and (k.settled_at is null or k.settled_at > keymint.now() - interval '24 hours'))
      or exists (select 1 from keymint.mint_attempts t join keymint.mints m on m.id = t.mint_id
        where m.account = ${accountId}::uuid and ${openAttempt}) as any`
  return row?.any ?? false
}

type Known = {
  id: string
  hash: string
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

/** Reads the list newest first, to the oldest key that still matters. `dryRun` changes nothing. */
export async function listAccount(
  ctx: Ctx,
  account: OpenAccount,
  options: { signal: AbortSignal; dryRun?: boolean },
): Promise<AccountReport> {
  const report: AccountReport = {
    listed: 0,
    read: 0,
    orphansDeleted: 0,
    orphansLeft: 0,
    missing: 0,
    unreadable: 0,
    unexplained: [],
  }
  const askedAt = await engineNow(ctx.db)
  const horizon = await readHorizon(ctx, account.id)
  const seen = new Set<string>()
  let whole = true
  for await (const page of account.adapter.listKeys(account.credential, {
    signal: options.signal,
  })) {
    report.listed += page.keys.length + page.unreadable
    report.unreadable += page.unreadable
    await takePage(ctx, account, page.keys, askedAt, seen, report, options.dryRun ?? false)
    const oldest = page.keys.at(-1)?.createdAt
    if (!horizon.whole && oldest && oldest < horizon.oldest) {
      whole = false
      break
    }
  }
  if (options.dryRun) return report
  if (seen.size > 0) await confirmAccount(ctx.db, account.id)
  await lookForAbsent(ctx, account, seen, askedAt, options.signal, report)
  await deleteKnownCondemned(ctx, account, seen, report)
  await resolveAttempts(ctx, account.id, askedAt)
  await ctx.db.$executeRaw`
    update keymint.accounts set listed_at = ${askedAt}::timestamptz,
      full_listed_at = case when ${whole} then ${askedAt}::timestamptz else full_listed_at end
    where id = ${account.id}::uuid`
  if (report.orphansDeleted + report.orphansLeft + report.missing + report.unexplained.length > 0)
    ctx.log.info({ account: account.id, report }, 'a list of keys differs from our rows')
  return report
}

async function readHorizon(ctx: Ctx, accountId: string): Promise<{ whole: boolean; oldest: Date }> {
  const [row] = await ctx.db.$queryRaw<{ whole: boolean; oldest: Date | null }[]>`
    select coalesce(a.full_listed_at < keymint.now() - make_interval(hours => ${wholeListHours}::int), true) as whole,
      least((select min(k.saved_at) from keymint.keys k where k.account = a.id and k.saved_at is not null
          and k.deleted_at is null and (k.settled_at is null or k.settled_at > keymint.now() - interval '24 hours')),
        (select min(t.sent_at) from keymint.mint_attempts t join keymint.mints m on m.id = t.mint_id
          where m.account = a.id and ${openAttempt}))
        - interval '10 min' as oldest
    from keymint.accounts a where a.id = ${accountId}::uuid`
  return { whole: row?.whole ?? true, oldest: row?.oldest ?? new Date(0) }
}

async function takePage(
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
        select id, hash, used_usd::text as used, window_used_usd::text as "windowUsed",
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
  const metered: Known[] = []
  for (const key of keys) {
    const row = known.get(key.id)
    if (!row) continue
    seen.add(key.id)
    report.read++
    if (dryRun) continue
    if (readEvery !== null) {
      if (row.due) metered.push(row)
      continue
    }
    // Most keys are idle between two passes: those need no lock, only their time.
    if (isUnchanged(row, key)) unchanged.push(row.id)
    else await keepOne(ctx, row.id, key, askedAt)
  }
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
      where id in (select holder_id from due) for update skip locked)
    update keymint.keys set read_at = greatest(read_at, ${askedAt}::timestamptz) where id in (
      select k.id from keymint.keys k where k.id in (select id from due)
        and k.holder_id in (select id from claims union all select id from sub_keys)
      for update skip locked)`
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
    row.seenLimit === (key.cap === null ? null : decimalStringFromNano(key.cap)) &&
    (row.settled || row.inWindow) &&
    (row.settled || row.windowUsed === decimalStringFromNano(key.usedInWindow))
  )
}

/**
 * Keys that should have been in the list and were not: a page may have shifted, so each is asked for
 * by itself. When most are absent at once it is another account: it is parked, nothing is released.
 */
async function lookForAbsent(
  ctx: Ctx,
  account: OpenAccount,
  seen: ReadonlySet<string>,
  askedAt: Date,
  signal: AbortSignal,
  report: AccountReport,
): Promise<void> {
  const absent: { id: string; hash: string }[] = []
  let expected = 0
  // By pages of our own, so that a large account needs no large memory.
  for (let after = ''; ;) {
    const rows = await ctx.db.$queryRaw<{ id: string; hash: string }[]>`
      select id, hash from keymint.keys where account = ${account.id}::uuid and hash > ${after}
        and deleted_at is null and missing_at is null and installation = ${ctx.installationId}
        and saved_at < ${askedAt}::timestamptz - interval '10 s'
        and (settled_at is null or settled_at > keymint.now() - interval '24 hours')
      order by hash limit 1000`
    expected += rows.length
    for (const row of rows) if (!seen.has(row.hash) && absent.length <= maxAsked) absent.push(row)
    const last = rows.at(-1)
    if (!last || rows.length < 1000) break
    after = last.hash
  }
  if (absent.length === 0) return
  const gone: string[] = []
  let failures = 0
  for (const { id, hash } of absent.slice(0, maxAsked)) {
    if (signal.aborted) throw new PassEnded('deadline')
    try {
      if ((await account.adapter.findKey(account.credential, hash)) === null) gone.push(id)
      failures = 0
    } catch (error) {
      // It is neither gone nor found. An account that answers nobody is another thing.
      if (!isProviderError(error) || ++failures >= maxFailures) throw error
    }
  }
  if (gone.length >= otherAccount.minKeys && gone.length > expected * otherAccount.share) {
    await ctx.db.$transaction((tx) => parkAccount(ctx, tx, account.id, 'most-keys-absent'))
    return
  }
  if (!account.confirmed && seen.size === 0) return
  for (const id of gone) await recordMissing(ctx, id)
  report.missing = gone.length
}

/** One job for each account that has anything to read, none for the rest. Its place in fair turns is its own. */
export async function sendAccountReads(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select a.id from keymint.accounts a where a.parked_at is null and (
      exists (select 1 from keymint.keys k where k.account = a.id and k.saved_at is not null and k.deleted_at is null
        and (k.settled_at is null or k.settled_at > keymint.now() - interval '24 hours'))
      or exists (select 1 from keymint.mint_attempts t join keymint.mints m on m.id = t.mint_id
        where m.account = a.id and ${openAttempt}))`
  for (const { id } of due)
    await ctx.db.$transaction((tx) =>
      ctx.queue.enqueue(tx, 'read-account', { account: id }, { singletonKey: id, group: id }),
    )
  return due.length
}
