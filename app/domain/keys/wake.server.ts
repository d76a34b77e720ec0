/**
 * What the sweep finds again of keys: work without a job, and times that have come. Rows decide;
 * jobs are hints, and one that was lost is sent again here. Behind a pause, a switch or a parked
 * account nothing is sent.
 */
import { Prisma, type Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import type { Key } from './key-row'
import { lockHolder } from './lock-holder.server'
import { engineNow, readKey } from './key-store.server'
import { isOver } from './key-row'
import type { JobOutcome } from '../job-outcome'
import { waitsForModels } from './model-lists.server'
import { book, sendApply, sendMint, spareMintPriority, wantOff } from './want.server'

const maxPerPass = 500
/** A pause that ends wakes everything at once. */
const maxMints = 5_000

/** Pending mints that have no job; one that has just been written may be about to get its own. */
export async function sendMintsAgain(ctx: Ctx, { minSeconds = 5 } = {}): Promise<number> {
  if (!ctx.settings.provisioningEnabled) return 0
  const lost = await ctx.db.$queryRaw<{ id: string; account: string; isSpare: boolean }[]>`
    select m.id, m.account, m.holder_kind = 'spare' as "isSpare" from keymint.mints m
    join keymint.accounts a on a.id = m.account and a.parked_at is null
    cross join keymint.minting g
    where m.state = 'pending' and g.paused_at is null and
      m.queued_at <= keymint.now() - make_interval(secs => ${minSeconds}::int) and not exists (
      select 1 from pgboss.job j where j.name in ('mint-key', 'mint-service-key')
        and j.singleton_key = m.id::text and j.state in ('created', 'retry', 'active'))
    order by m.queued_at limit ${maxMints}::int`
  return countQueued(ctx, lost, (tx, { id, account, isSpare }) =>
    sendMint(ctx, tx, { mintId: id, account }, isSpare ? { priority: spareMintPriority } : {}),
  )
}

/** Live keys that are unbound, not set aside for a person, and have no job. */
export async function sendBindsAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ mintId: string }[]>`
    select k.mint_id as "mintId" from keymint.keys k
    where k.wants_guardrail and k.guardrail_at is null and not k.bind_set_aside and k.settled_at is null
      and k.off_ended_at is null and k.off_replaced_at is null and k.expires_at > keymint.now()
      and k.installation = ${ctx.installationId} and k.saved_at < keymint.now() - interval '5 s'
      and not exists (select 1 from pgboss.job j where j.name = 'bind-guardrail'
        and j.singleton_key = k.mint_id::text and j.state in ('created', 'retry', 'active'))
    order by k.saved_at limit ${maxPerPass}::int`
  return countQueued(ctx, lost, (tx, { mintId }) =>
    ctx.queue.enqueue(tx, 'bind-guardrail', { mintId }, { singletonKey: mintId }),
  )
}

/** Lists of models that the provider has not confirmed, whose next try is due and which have no job. */
export async function sendModelsAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string; account: string }[]>`
    select k.id, k.account from keymint.keys k
    join keymint.accounts a on a.id = k.account and a.parked_at is null
    where ${waitsForModels} and coalesce(k.models_due_at <= keymint.now(), true)
      and k.installation = ${ctx.installationId}
      and not exists (select 1 from pgboss.job j where j.name = 'apply-key' and j.singleton_key = k.id::text
        and j.state in ('created', 'retry', 'active'))
    order by k.models_due_at nulls first limit ${maxPerPass}::int`
  return countQueued(ctx, lost, (tx, key) => sendApply(ctx, tx, key))
}

/** Keys that the provider does not follow yet, or whose process died in between; `k` is a row of `keys`. */
export const waitsForApply = Prisma.sql`k.saved_at is not null and k.deleted_at is null
  and (k.revision <> k.seen_revision or k.delete_wanted
    or (k.doubt_until <= keymint.now() and k.missing_at is null)
    or k.call_sent_at is not null
    or (k.seen_off and k.closed_at is null and coalesce(k.off_ended_at, k.off_replaced_at) is not null))
  and (k.call_sent_at is null or k.call_sent_at <= keymint.now() - interval '15 s')
  and (k.closed_at is null or k.delete_wanted or k.call_sent_at is not null)`

/** Those that have no job. What is refused waits for its time. */
export async function sendAppliesAgain(ctx: Ctx): Promise<number> {
  const lost = await ctx.db.$queryRaw<{ id: string; account: string; urgent: boolean }[]>`
    select k.id, k.account, not k.seen_off and coalesce(k.off_ended_at, k.off_replaced_at, k.off_staff_at,
      k.off_person_at, k.off_cap_at, k.off_runaway_at) is not null as urgent from keymint.keys k
    join keymint.accounts a on a.id = k.account and a.parked_at is null
    where ${waitsForApply} and k.installation = ${ctx.installationId}
      and (k.apply_at is null or k.apply_at <= keymint.now())
      and not exists (select 1 from pgboss.job j where j.name = 'apply-key' and j.singleton_key = k.id::text
        and j.state in ('created', 'retry', 'active'))
    order by urgent desc, k.apply_at nulls first limit ${maxPerPass}::int`
  return countQueued(ctx, lost, (tx, key) => sendApply(ctx, tx, key, { urgent: key.urgent }))
}

/** What another sweep queued in the same moment is counted there. */
async function countQueued<Row>(
  ctx: Ctx,
  rows: Row[],
  send: (tx: Tx, row: Row) => Promise<'queued' | 'already-queued'>,
): Promise<number> {
  let queued = 0
  for (const row of rows)
    if ((await ctx.db.$transaction((tx) => send(tx, row))) === 'queued') queued++
  return queued
}

/** Old keys of extensions whose grace time is over. */
export async function endGraced(ctx: Ctx): Promise<number> {
  return eachDue(
    ctx,
    await ctx.db.$queryRaw<{ id: string }[]>`
      select id from keymint.keys where grace_until <= keymint.now() and off_replaced_at is null
        and off_ended_at is null limit ${maxPerPass}::int`,
    'the grace time is over',
    (tx, key) => wantOff(ctx, tx, [key], 'replaced'),
  )
}

/** Limits that change by themselves: the window in which former keys have spent is over. */
export async function moveDueLimits(ctx: Ctx): Promise<number> {
  return eachDue(
    ctx,
    await ctx.db.$queryRaw<{ id: string }[]>`
      select id from keymint.keys where limit_due_at <= keymint.now() and off_ended_at is null
        and off_replaced_at is null limit ${maxPerPass}::int`,
    'a new window has begun',
    () => Promise.resolve(),
  )
}

/** Keys that reach their cap by what they cost an hour, should the job for that second be lost. */
export async function stopDueCaps(ctx: Ctx): Promise<number> {
  return eachDue(
    ctx,
    await ctx.db.$queryRaw<{ id: string }[]>`
      select id from keymint.keys where cap_due_at <= keymint.now() and off_ended_at is null
        and off_replaced_at is null and installation = ${ctx.installationId} limit ${maxPerPass}::int`,
    'the cap is reached',
    () => Promise.resolve(),
  )
}

/** The job for the second at which one key reaches its cap; what has moved is waited for. */
export async function stopAtCap(ctx: Ctx, keyId: string): Promise<JobOutcome> {
  const key = await readKey(ctx.db, keyId)
  if (!key || key.capDueAt === null || isOver(key)) return { kind: 'done' }
  const seconds = Math.ceil((key.capDueAt.getTime() - (await engineNow(ctx.db)).getTime()) / 1000)
  if (seconds > 0) return { kind: 'snooze', seconds, reason: 'the cap is not reached yet' }
  await eachDue(ctx, [{ id: keyId }], 'the cap is reached', () => Promise.resolve())
  return { kind: 'done' }
}

/** Settled keys past their retention are deleted upstream; our rows keep them. */
export async function deleteOldKeys(ctx: Ctx): Promise<number> {
  const due = await ctx.db.$queryRaw<{ id: string; account: string }[]>`
    update keymint.keys set delete_wanted = true, apply_at = null where id in (
      select id from keymint.keys where settled_at < keymint.now() - make_interval(days => ${keyRetentionDays}::int)
        and deleted_at is null and not delete_wanted and missing_at is null
        and apply_error ->> 'reason' is distinct from 'foreign-name'
        and not exists (select 1 from keymint.master_keys m where m.id = account and m.destroyed_at is not null)
        and installation = ${ctx.installationId} limit ${maxPerPass}::int)
    returning id, account`
  for (const key of due) await ctx.db.$transaction((tx) => sendApply(ctx, tx, key))
  return due.length
}

/** How long a settled key stays upstream, disabled, for whoever asks about it there. */
export const keyRetentionDays = 7

/** Changes and books each by itself. Returns how many were; one that fails keeps none of the others waiting. */
export async function eachDue(
  ctx: Ctx,
  due: { id: string }[],
  why: string,
  change: (tx: Tx, key: Key) => Promise<void>,
): Promise<number> {
  let done = 0
  for (const { id } of due) {
    try {
      await ctx.db.$transaction(async (tx) => {
        const found = await readKey(tx, id)
        if (!found) return
        await lockHolder(ctx, tx, found)
        const key = (await readKey(tx, id)) ?? found
        await change(tx, key)
        await book(ctx, tx, key, { actor: 'worker', why })
      })
      done++
    } catch (error) {
      ctx.log.error({ error, keyId: id }, 'a key whose time has come could not be changed')
    }
  }
  return done
}
