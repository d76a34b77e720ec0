/**
 * One reading and one settlement, for every key of every account. Usage is what the provider says;
 * its counters may lag and disagree, so the largest reading of a window is kept with the time it was
 * asked for. A closed key is read by itself until its money is settled; one that cannot be read is
 * set aside and tried again later, and never keeps the others waiting.
 */
import { isProviderError } from '~/adapters/provider-error'
import type { ServiceKey } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { JobError } from '../job-outcome'
import { jobErrorOf } from '../error-text'
import { lockHolder } from './lock-holder.server'
import { confirmAccount, type OpenAccount } from './accounts.server'
import { decideSettle, stableSeconds } from './decide-settle'
import { withCapHeldHere } from './cap-held-here'
import { isOver, isWantedOff, type Key } from './key-row'
import { engineNow, readKey } from './key-store.server'
import { takeReading } from './reading'
import { book, sendApply } from './want.server'

/**
 * Keeps what one key was seen as, in a transaction of its own. `own`: it was asked for by itself,
 * which counts towards its settlement; a list does not. `askedAt` is by Postgres's clock.
 */
export async function recordReading(
  ctx: Ctx,
  keyId: string,
  answer: ServiceKey,
  askedAt: Date,
  options: { own: boolean },
): Promise<'kept' | 'absurd' | 'stale'> {
  return ctx.db.$transaction(async (tx) => {
    const before = await readKey(tx, keyId)
    if (!before || before.savedAt === null) return 'stale'
    await lockHolder(ctx, tx, before)
    const key = await readKey(tx, keyId)
    if (!key) return 'stale'
    const seen = withCapHeldHere(ctx, key, answer)
    const port = ctx.holders[key.holderKind]
    const accounting = (await port?.terms(tx, key))?.accounting ?? 'reset'
    const taken = takeReading(key, seen, askedAt, accounting)
    if (taken === 'absurd') {
      await setAside(tx, key, { reason: 'absurd-reading' })
      return 'absurd'
    }
    const { counters, grown, fell, late } = taken
    if (fell)
      await recordAudit(tx, {
        actor: 'worker',
        action: 'key.usage-fell',
        subject: `${key.holderKind}:${key.holderId}`,
        scope: key.scope,
        details: { keyHash: key.hash, keptUsd: decimalStringFromNano(key.used) },
      })
    const isNewest = key.readAt === null || key.readAt <= askedAt
    await tx.$executeRaw`
      update keymint.keys k set used_usd = ${decimalStringFromNano(counters.used)}::numeric,
        used_base_usd = ${decimalStringFromNano(counters.usedBase)}::numeric,
        window_used_usd = ${decimalStringFromNano(counters.windowUsed)}::numeric,
        window_base_usd = ${decimalStringFromNano(counters.windowBase)}::numeric,
        window_started_at = ${counters.windowStartedAt}::timestamptz,
        read_at = greatest(k.read_at, ${askedAt}::timestamptz), read_tries = 0, read_error = null,
        meter = case when ${isNewest} then coalesce(${seen.meter ?? null}, k.meter) else k.meter end,
        per_hour_usd = case when ${isNewest && seen.perHour !== undefined}
          then ${seen.perHour == null ? null : decimalStringFromNano(seen.perHour)}::numeric
          else k.per_hour_usd end,
        grown_at = case when ${grown} then greatest(k.grown_at, ${askedAt}::timestamptz) else k.grown_at end,
        stable_at = case when ${grown} then null when ${options.own} and k.closed_at is not null
          and ${askedAt}::timestamptz >= k.closed_at + make_interval(secs => ${stableSeconds}::int)
          and k.own_reads >= 1
          and k.own_read_at <= ${askedAt}::timestamptz - make_interval(secs => ${stableSeconds}::int)
          then coalesce(k.stable_at, ${askedAt}::timestamptz) else k.stable_at end,
        own_reads = case when ${options.own} and k.closed_at is not null then k.own_reads + 1 else k.own_reads end,
        own_read_at = case when ${options.own} then ${askedAt}::timestamptz else k.own_read_at end
      where k.id = ${keyId}::uuid`
    if (late)
      await tx.$executeRaw`
        update keymint.key_windows set used_usd = ${decimalStringFromNano(late.used)}::numeric
        where key_id = ${keyId}::uuid and starts_at = ${late.startsAt}::timestamptz`
    await see(ctx, tx, key, seen, askedAt)
    await afterReading(ctx, tx, key, late !== null)
    return 'kept'
  })
}

/**
 * What a list shows is seen, never wanted, and only when it was asked for after the row's last
 * confirmed call, with none out.
 */
async function see(ctx: Ctx, tx: Tx, key: Key, seen: ServiceKey, askedAt: Date): Promise<void> {
  if (key.call !== null || (key.seen.at !== null && key.seen.at >= askedAt)) return
  const cap = seen.cap === null ? null : decimalStringFromNano(seen.cap)
  if (key.missingAt !== null && key.deletedAt === null) await takeBackMissing(ctx, tx, key, seen)
  await tx.$executeRaw`
    update keymint.keys set seen_limit_usd = ${cap}::numeric,
      seen_reset = ${seen.reset}, seen_off = ${seen.disabled}, missing_at = null,
      seen_byok = coalesce(${seen.includeByok ?? null}, seen_byok)
    where id = ${key.id}::uuid and (seen_limit_usd is distinct from ${cap}::numeric
      or seen_reset is distinct from ${seen.reset} or seen_off <> ${seen.disabled} or missing_at is not null
      or seen_byok is distinct from coalesce(${seen.includeByok ?? null}, seen_byok))`
  // Unasked repair only goes down; what would raise waits for a person.
  if (goesDown(key, seen)) await sendApply(ctx, tx, key)
}

/** Off, lower, assign: what is repaired unasked. */
export const goesDown = (key: Key, seen: ServiceKey) =>
  key.deletedAt === null &&
  ((!seen.disabled && isWantedOff(key)) ||
    seen.cap === null ||
    seen.cap > key.limit ||
    (seen.includeByok === false && key.closedAt === null && !isOver(key)))

/**
 * It is there after all: what followed from its absence is undone. A key that is over and disabled
 * stays closed, because nobody can spend it.
 */
async function takeBackMissing(ctx: Ctx, tx: Tx, key: Key, seen: ServiceKey): Promise<void> {
  if (isOver(key) && seen.disabled) return
  await tx.$executeRaw`
    update keymint.keys set closed_at = null, stable_at = null, settled_at = null, written_off_at = null,
      own_reads = 0, next_read_at = null, revision = revision + 1
    where id = ${key.id}::uuid`
  await recordAudit(tx, {
    actor: 'worker',
    action: 'key.found-again',
    subject: `${key.holderKind}:${key.holderId}`,
    scope: key.scope,
    details: { keyHash: key.hash, generation: key.generation },
  })
  await sendApply(ctx, tx, key)
}

/** How much later than others the service counts what was used. */
const settleSecondsOf = (ctx: Ctx, key: Key) =>
  ctx.services.get(key.service)?.capabilities.settleSeconds ?? 0

/** Settles when it is time, and says when to read next. The caller holds the holder. */
async function afterReading(ctx: Ctx, tx: Tx, before: Key, late = false): Promise<void> {
  const key = await readKey(tx, before.id)
  if (!key) return
  const now = await engineNow(tx)
  const decision = decideSettle(key, now, settleSecondsOf(ctx, key))
  switch (decision.kind) {
    case 'nothing':
      await tx.$executeRaw`update keymint.keys set next_read_at = null where id = ${key.id}::uuid`
      break
    case 'read':
      await tx.$executeRaw`
        update keymint.keys set next_read_at = ${decision.at}::timestamptz where id = ${key.id}::uuid`
      break
    case 'settle':
    case 'write-off':
      await settle(ctx, tx, key, decision.kind)
  }
  if (
    late ||
    key.used !== before.used ||
    key.windowStartedAt?.getTime() !== before.windowStartedAt?.getTime() ||
    key.windowUsed !== before.windowUsed ||
    key.stableAt?.getTime() !== before.stableAt?.getTime() ||
    key.closedAt?.getTime() !== before.closedAt?.getTime() ||
    key.perHour !== before.perHour ||
    // What was stopped because nothing could be read of it may go on.
    before.readError !== null ||
    // A key on its way out frees money when it has been read after it was lowered.
    (key.withoutReset && key.closedAt === null) ||
    decision.kind === 'settle' ||
    decision.kind === 'write-off'
  )
    await book(ctx, tx, key, {
      actor: 'worker',
      why: decision.kind === 'read' || decision.kind === 'nothing' ? 'usage' : 'settled',
    })
}

async function settle(ctx: Ctx, tx: Tx, key: Key, kind: 'settle' | 'write-off'): Promise<void> {
  await tx.$executeRaw`
    update keymint.keys set settled_at = coalesce(settled_at, keymint.now()),
      written_off_at = case when ${kind === 'write-off'} then keymint.now() else written_off_at end,
      used_usd = case when ${kind === 'write-off'} then greatest(used_usd, (select coalesce(sum(w.reserved_usd), 0)
        from keymint.key_windows w where w.key_id = keymint.keys.id)) else used_usd end,
      next_read_at = keymint.now() + interval '1 hour'
    where id = ${key.id}::uuid`
  await recordAudit(tx, {
    actor: 'worker',
    action: kind === 'settle' ? 'key.settled' : 'key.written-off',
    subject: `${key.holderKind}:${key.holderId}`,
    scope: key.scope,
    details: {
      usedUsd: decimalStringFromNano(key.used),
      generation: key.generation,
      keyHash: key.hash,
    },
  })
}

async function setAside(tx: Tx, key: Key, error: JobError): Promise<void> {
  await tx.$executeRaw`
    update keymint.keys set read_tries = read_tries + 1, read_error = ${JSON.stringify(error)}::jsonb,
      next_read_at = keymint.now() + make_interval(secs => least(3600, 30 * power(2, least(read_tries, 7)))::int)
    where id = ${key.id}::uuid`
}

/** The usage of a metered key could not be read: where Keymint holds its cap, too long means off. */
export async function recordUnread(ctx: Ctx, keyId: string, error: JobError): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const before = await readKey(tx, keyId)
    if (!before) return
    await lockHolder(ctx, tx, before)
    await tx.$executeRaw`
      update keymint.keys set read_tries = read_tries + 1, read_error = ${JSON.stringify(error)}::jsonb
      where id = ${keyId}::uuid`
    await book(ctx, tx, before, { actor: 'worker', why: 'its usage could not be read' })
  })
}

/** The provider has no such key: for certain, because this credential has confirmed keys before. */
export async function recordMissing(ctx: Ctx, keyId: string): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    const before = await readKey(tx, keyId)
    if (!before) return
    await lockHolder(ctx, tx, before)
    const changed = await tx.$executeRaw`
      update keymint.keys set missing_at = coalesce(missing_at, keymint.now()),
        next_read_at = case when closed_at is not null and settled_at is null
          then greatest(keymint.now(), closed_at + interval '7 min') end
      where id = ${keyId}::uuid and (deleted_at is null or settled_at is null)`
    if (changed === 1) await afterReading(ctx, tx, before)
    const key = await readKey(tx, keyId)
    if (key && key.closedAt === null) await sendApply(ctx, tx, key, { urgent: isOver(key) })
  })
}

/** Reads one key alone and keeps what the service says; null when it has no such key. Throws ProviderError. */
export async function readOneKey(
  ctx: Ctx,
  account: OpenAccount,
  key: { id: string; hash: string; meter: string | null },
): Promise<ServiceKey | null> {
  const askedAt = await engineNow(ctx.db)
  const seen = await account.adapter.findKey(account.credential, key.hash, key.meter)
  if (seen) {
    await confirmAccount(ctx.db, account.id, [key.hash])
    await recordReading(ctx, key.id, seen, askedAt, { own: true })
  } else if (account.confirmed) await recordMissing(ctx, key.id)
  return seen
}

const maxOwnReads = 100

/**
 * Reads by themselves the keys of one account that are due, oldest first. One that fails is set
 * aside; an account that answers nobody ends the pass.
 */
export async function readDueKeys(
  ctx: Ctx,
  account: OpenAccount,
  signal: AbortSignal,
): Promise<{ read: number; left: boolean }> {
  type Due = { id: string; hash: string; meter: string | null; deleted: boolean }
  const due = await ctx.db.$queryRaw<Due[]>`
    select id, hash, meter, deleted_at is not null as deleted from keymint.keys
    where account = ${account.id}::uuid and next_read_at <= keymint.now()
      and (deleted_at is null or settled_at is null) and hash is not null and installation = ${ctx.installationId}
    order by read_tries, next_read_at limit ${maxOwnReads}::int`
  let read = 0
  let failed = 0
  for (const { id, hash, meter, deleted } of due) {
    if (signal.aborted) return { read, left: true }
    try {
      if (deleted) await recordMissing(ctx, id)
      else await readOneKey(ctx, account, { id, hash, meter })
      read++
      failed = 0
    } catch (error) {
      if (!isProviderError(error)) throw error
      const key = await readKey(ctx.db, id)
      if (key) {
        await setAside(ctx.db, key, jobErrorOf(error.details))
        await ctx.db.$transaction(async (tx) => {
          await lockHolder(ctx, tx, key)
          await afterUnreadable(ctx, tx, key)
        })
      }
      // A poisoned key is one; an account that answers nobody is another thing.
      if (error.details.kind !== 'rejected' && ++failed >= 3) return { read, left: true }
    }
  }
  return { read, left: due.length === maxOwnReads }
}

/** Not readable for a day after it was closed: settled at what is reserved. */
async function afterUnreadable(ctx: Ctx, tx: Tx, before: Key): Promise<void> {
  const key = await readKey(tx, before.id)
  if (!key) return
  if (decideSettle(key, await engineNow(tx), settleSecondsOf(ctx, key)).kind !== 'write-off') return
  await settle(ctx, tx, key, 'write-off')
  await book(ctx, tx, key, { actor: 'worker', why: 'written off' })
}
