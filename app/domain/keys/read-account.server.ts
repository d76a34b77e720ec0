/**
 * One look at all keys of one account, page by page in constant memory: their use, what the provider
 * shows of them, and keys of ours that no row holds. What may be deleted: only a name of our own
 * attempts, condemned before it is deleted. An account's failure is its own: it has its own job,
 * deadline and budget of rows, and what goes over them is kept as its error.
 */
import { Prisma } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
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
import { reassignLost } from './bind.server'
import { engineNow } from './key-store.server'
import { hasModelLists, lookAtModelLists } from './model-lists.server'
import { sampleAccount } from './samples.server'
import { takePage } from './read-page.server'
import { turnOf } from './turns.server'
import { readDueKeys, recordMissing } from './readings.server'
import { type AccountReport, resolveAttempts, deleteKnownCondemned } from './account-orphans.server'

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
export const openAttempt = Prisma.sql`(t.deleted_at is null and (
  (t.state = 'condemned' and t.key_hash is not null) or (t.state in ('sent', 'unknown', 'condemned')
    and (t.resolved_at is null or t.sent_at > keymint.now() - interval '24 hours'))))`

/** The job of one account: keys that are due, then the list where there is anything to look for. */
export async function readAccount(
  ctx: Ctx,
  accountId: string,
  { deadlineMs = accountDeadlineMs } = {},
): Promise<JobOutcome> {
  const state = await readAccountState(ctx.db, accountId)
  if (state.parked) return { kind: 'done' }
  const account = await openAccount(ctx, accountId)
  if (!account) return { kind: 'done' }
  const signal = AbortSignal.timeout(deadlineMs)
  try {
    const due = await readDueKeys(ctx, account, signal)
    signal.throwIfAborted()
    if (await hasWork(ctx, accountId)) {
      await listAccount(ctx, account, { signal })
      await sampleAccount(ctx.db, accountId)
      if (accountId === deploymentAccount && (await takeAssignmentTurn(ctx, accountId)))
        await reassignLost(ctx)
      else if (account.adapter.guardrails && (await hasModelLists(ctx, accountId)))
        if (await takeAssignmentTurn(ctx, accountId)) await lookAtModelLists(ctx, account)
    }
    await ctx.db.$executeRaw`
      update keymint.accounts set read_error = null, read_failed_at = null, read_tries = 0, read_after = null
      where id = ${accountId}::uuid`
    return due.left ? { kind: 'snooze', seconds: 1, reason: 'more keys are due' } : { kind: 'done' }
  } catch (error) {
    const cause = error === signal.reason ? { reason: 'deadline' } : causeOf(error)
    if (!cause) throw error
    await ctx.db.$executeRaw`
      update keymint.accounts set read_error = ${JSON.stringify(cause)}::jsonb,
        read_failed_at = coalesce(read_failed_at, keymint.now()), read_tries = read_tries + 1,
        read_after = case when master_key_id is not null then keymint.now()
          + make_interval(mins => least(15, power(2, least(read_tries, 4)))::int) end
      where id = ${accountId}::uuid`
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

const causeOf = (error: unknown): JobError | null =>
  isProviderError(error) ? jobErrorOf(error.details) : null

/** What is assigned to guardrails is listed every five minutes, not with every reading. */
async function takeAssignmentTurn(ctx: Ctx, accountId: string): Promise<boolean> {
  const taken = await ctx.db.$executeRaw`
    update keymint.accounts set assignments_listed_at = keymint.now() where id = ${accountId}::uuid
      and (assignments_listed_at is null or assignments_listed_at <= keymint.now() - interval '5 min')`
  return taken === 1
}

/** Nothing wanted is left: nothing is read. */
async function hasWork(ctx: Ctx, accountId: string): Promise<boolean> {
  const [row] = await ctx.db.$queryRaw<{ found: boolean }[]>`
    select exists (select 1 from keymint.keys k where k.account = ${accountId}::uuid and k.saved_at is not null
        and k.deleted_at is null and (k.settled_at is null or k.settled_at > keymint.now() - interval '24 hours'))
      or exists (select 1 from keymint.mint_attempts t join keymint.mints m on m.id = t.mint_id
        where m.account = ${accountId}::uuid and ${openAttempt}) as found`
  return row?.found ?? false
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
    options.signal.throwIfAborted()
    await takePage(ctx, account, page.keys, askedAt, seen, report, options.dryRun ?? false)
    const oldest = page.keys.at(-1)?.createdAt
    if (!horizon.whole && oldest && oldest < horizon.oldest) {
      whole = false
      break
    }
  }
  if (options.dryRun) return report
  const confirmed =
    seen.size > 0 ? await confirmAccount(ctx.db, account.id, [...seen]) : account.confirmed
  await lookForAbsent(ctx, { ...account, confirmed }, seen, askedAt, options.signal, report)
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
    signal.throwIfAborted()
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
  if (!account.confirmed) return
  for (const id of gone) await recordMissing(ctx, id)
  report.missing = gone.length
}

/** One job for each account that has anything to read, none for the rest. Its place in fair turns is its own. */
export async function sendAccountReads(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select a.id from keymint.accounts a
    where a.parked_at is null and coalesce(a.read_after <= keymint.now(), true) and (
      exists (select 1 from keymint.keys k where k.account = a.id and k.saved_at is not null and k.deleted_at is null
        and (k.settled_at is null or k.settled_at > keymint.now() - interval '24 hours'))
      or exists (select 1 from keymint.mint_attempts t join keymint.mints m on m.id = t.mint_id
        where m.account = a.id and ${openAttempt}))`
  for (const { id } of due)
    await ctx.db.$transaction(async (tx) => {
      const options = { singletonKey: id, group: await turnOf(tx, id) }
      await ctx.queue.enqueue(tx, 'read-account', { account: id }, options)
    })
  return due.length
}
