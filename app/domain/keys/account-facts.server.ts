/**
 * What the provider of a team's account tells besides the keys: what is left on it, and what each key
 * spent by model. Kept so that pages show it with its age and wait for no provider. Nothing is
 * decided by it, so a failure is kept beside the last answer, and readings that fail grow rare.
 */
import { isProviderError } from '~/adapters/provider-error'
import type { ModelSpend } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import type { Ctx } from '../ctx'
import { jobErrorOf } from '../error-text'
import type { JobError, JobOutcome } from '../job-outcome'
import { openAccount, type OpenAccount } from './accounts.server'
import { turnOf } from './turns.server'

const everyMinutes = 15
/** After failures in a row it is this many times longer, at most. */
const maxBackoff = 16
const deadlineMs = 60_000
/** The provider's day is over at midnight; its books follow a little later. */
const booksHour = 1
/** Keys whose models are asked for in one job; the rest comes a second later. */
const keysAtOnce = 50
/** As long as a provider tells of a day. */
const toldDays = 30
/** Models of one key: what goes beyond is left out, those that cost most first. */
const maxRows = 2_000
const maxModelLength = 200

/** One job for each account of an open team that is due, where its service tells anything. */
export async function sendAccountFacts(ctx: Ctx): Promise<number> {
  const telling = [...ctx.services.values()]
    .filter((adapter) => 'readBalance' in adapter || 'listModelSpend' in adapter)
    .map(({ service }) => service)
  const due = await ctx.db.$queryRaw<{ id: string }[]>`
    select a.id from keymint.accounts a join keymint.master_keys m on m.id = a.master_key_id
    join keymint.teams t on t.id = m.team_id left join keymint.account_facts f on f.account = a.id
    where a.parked_at is null and m.state = 'active' and m.destroyed_at is null and t.closed_at is null
      and m.service = any(${telling}::text[]) and coalesce(f.next_read_at <= keymint.now(), true)`
  for (const { id } of due)
    await ctx.db.$transaction(async (tx) => {
      const options = { singletonKey: id, group: await turnOf(tx, id) }
      await ctx.queue.enqueue(tx, 'read-account-facts', { account: id }, options)
    })
  return due.length
}

/** The job of one account. Safe to run twice and at the same time: answers replace each other. */
export async function readAccountFacts(
  ctx: Ctx,
  accountId: string,
  { timeoutMs = deadlineMs } = {},
): Promise<JobOutcome> {
  const account = await openAccount(ctx, accountId)
  if (!account || account.teamId === null) return { kind: 'done' }
  // Before the calls: a process that dies in the middle of them does not ask again every minute.
  await ctx.db.$executeRaw`
    insert into keymint.account_facts (account, next_read_at)
    values (${accountId}::uuid, keymint.now() + make_interval(mins => ${everyMinutes}::int))
    on conflict (account) do update set next_read_at = excluded.next_read_at`
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    if (account.adapter.readBalance) {
      const balance = await within(account.adapter.readBalance(account.credential), signal)
      await ctx.db.$executeRaw`
        update keymint.account_facts set balance_usd = ${decimalStringFromNano(balance)}::numeric,
          balance_read_at = keymint.now() where account = ${accountId}::uuid`
    }
    const left = await readModels(ctx, account, signal)
    await ctx.db.$executeRaw`
      update keymint.account_facts set failed_at = null, error = null, tries = 0 where account = ${accountId}::uuid`
    return left
      ? { kind: 'snooze', seconds: 1, reason: 'models of more keys are due' }
      : { kind: 'done' }
  } catch (error) {
    const cause = error === signal.reason ? { reason: 'timeout' } : causeOf(error)
    if (!cause) throw error
    await ctx.db.$executeRaw`
      update keymint.account_facts set error = ${JSON.stringify(cause)}::jsonb, tries = tries + 1,
        failed_at = coalesce(failed_at, keymint.now()), next_read_at = keymint.now()
          + make_interval(mins => ${everyMinutes}::int * least(${maxBackoff}::int, power(2, least(tries, 4)))::int)
      where account = ${accountId}::uuid`
    return { kind: 'done', error: cause }
  }
}

const causeOf = (error: unknown): JobError | null =>
  isProviderError(error) ? jobErrorOf(error.details) : null

/** A call that outlives the deadline is not waited for. */
async function within<Value>(call: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([call, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * The models of keys that were used since they were last asked for: once a UTC day, when the books of
 * the day before are closed. True when more keys are due.
 */
async function readModels(ctx: Ctx, account: OpenAccount, signal: AbortSignal): Promise<boolean> {
  if (!account.adapter.listModelSpend) return false
  const keys = await ctx.db.$queryRaw<{ id: string; hash: string }[]>`
    select k.id, k.hash from keymint.keys k left join keymint.model_reads r on r.key_id = k.id
    where k.account = ${account.id}::uuid and k.holder_kind = 'sub-key' and k.hash is not null and k.used_usd > 0
      and coalesce(r.read_on < (keymint.now() at time zone 'UTC')::date, true)
      and (keymint.now() at time zone 'UTC')::time >= make_time(${booksHour}::int, 0, 0)
      and exists (select 1 from keymint.key_days d where d.api_key_id = k.holder_id and d.usage_usd > 0
        and d.last_used_at >= coalesce(r.read_on - 1,
          (keymint.now() at time zone 'UTC')::date - ${toldDays}::int)::timestamp at time zone 'UTC')
    order by r.read_on nulls first, k.id limit ${keysAtOnce + 1}::int`
  for (const { id, hash } of keys.slice(0, keysAtOnce)) {
    const rows = await spendOf(account, hash, signal)
    await keepModels(ctx, id, rows)
  }
  return keys.length > keysAtOnce
}

async function spendOf(
  account: OpenAccount,
  hash: string,
  signal: AbortSignal,
): Promise<ModelSpend[]> {
  const call = account.adapter.listModelSpend?.(account.credential, hash)
  try {
    return call ? await within(call, signal) : []
  } catch (error) {
    // Of a key that is gone nothing is told any more, which is no reason to skip the others.
    if (isProviderError(error) && error.details.kind === 'rejected') return []
    throw error
  }
}

/** Several providers serve one model: their rows of a day are one. */
async function keepModels(ctx: Ctx, keyId: string, rows: ModelSpend[]): Promise<void> {
  const byModel = new Map<string, ModelSpend>()
  for (const row of rows) {
    const model = row.model.trim().slice(0, maxModelLength) || 'unnamed'
    if (!/^\d{4}-\d\d-\d\d$/.test(row.day) || row.usage < 0n) continue
    const same = byModel.get(`${row.day} ${model}`)
    byModel.set(`${row.day} ${model}`, {
      day: row.day,
      model,
      usage: (same?.usage ?? 0n) + row.usage,
      requests: (same?.requests ?? 0) + row.requests,
    })
  }
  const kept = [...byModel.values()]
    .sort((one, other) => (one.usage < other.usage ? 1 : -1))
    .slice(0, maxRows)
  await ctx.db.$transaction(async (tx) => {
    await tx.$executeRaw`
      insert into keymint.model_days as d (key_id, day, model, usage_usd, requests)
      select ${keyId}::uuid, u.day, u.model, u.usage, u.requests
      from unnest(${kept.map(({ day }) => day)}::text[]::date[], ${kept.map(({ model }) => model)}::text[],
        ${kept.map(({ usage }) => decimalStringFromNano(usage))}::numeric[],
        ${kept.map(({ requests }) => Math.max(0, Math.round(requests)))}::bigint[]) as u(day, model, usage, requests)
      order by u.day, u.model
      on conflict (key_id, day, model) do update set usage_usd = excluded.usage_usd, requests = excluded.requests`
    await tx.$executeRaw`
      insert into keymint.model_reads as r (key_id, read_on)
      values (${keyId}::uuid, (keymint.now() at time zone 'UTC')::date)
      on conflict (key_id) do update set read_on = greatest(r.read_on, excluded.read_on)`
  })
}
