/**
 * What is wanted of keys, and the money that follows. Guarantee: a change is one transaction and no
 * call. It names key rows by id, so that nothing asked of one generation is done to another; it
 * books what may be spent before anything is asked for; and it leaves a job that carries it out.
 */
import { randomUUID } from 'node:crypto'
import { Prisma, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { HolderRef, Reserve, HolderKind } from '../holder'
import type { KeyLimitReset } from '../workshop-file'
import { deploymentAccount } from './accounts.server'
import { capDueAt, isCapReached } from './decide-cap'
import { isOver, type Key, type OffCause } from './key-row'
import { engineNow, lockKeysOf } from './key-store.server'
import { applyTurnOf, turnOf } from './turns.server'
import { bookedFrom, dueKeys } from './windows'

export type KeyTerms = {
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  expiresAt: Date
  allowedModels: readonly string[]
  account: string
  scope: string
  /** The guardrail of its workshop says which models; without, the list is the key's own. */
  wantsGuardrail: boolean
  grant: number
  /** What its holder chose of the service's options. */
  options?: Readonly<Record<string, string>>
}

/**
 * Writes the key of a generation with its mint and its job. The caller has locked the holder and
 * books afterwards.
 */
export async function requestKey(
  ctx: Ctx,
  tx: Tx,
  ref: HolderRef,
  terms: KeyTerms,
): Promise<{ keyId: string; mintId: string }> {
  const [keyId, mintId] = [randomUUID(), randomUUID()]
  const limit = decimalStringFromNano(terms.limit)
  await tx.$executeRaw`
    with mint as (
      insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, limit_usd, limit_reset,
        expires_at, allowed_models, options)
      values (${mintId}::uuid, ${ref.holderKind}, ${ref.holderId}::uuid, ${ref.generation}::int, ${terms.scope},
        ${terms.account}::uuid, ${limit}::numeric, ${terms.limitReset}, ${terms.expiresAt}::timestamptz,
        ${[...terms.allowedModels]}::text[], ${JSON.stringify(terms.options ?? {})}::jsonb) returning id)
    insert into keymint.keys (id, installation, holder_kind, holder_id, generation, grant_no, account, scope,
      mint_id, expires_at, limit_usd, limit_reset, wants_guardrail, models)
    select ${keyId}::uuid, ${ctx.installationId}, ${ref.holderKind}, ${ref.holderId}::uuid,
      ${ref.generation}::int, ${terms.grant}::int, ${terms.account}::uuid, ${terms.scope}, mint.id,
      ${terms.expiresAt}::timestamptz, ${limit}::numeric, ${terms.limitReset}, ${terms.wantsGuardrail},
      ${terms.wantsGuardrail ? [] : [...terms.allowedModels]}::text[] from mint`
  await sendMint(ctx, tx, { mintId, account: terms.account })
  return { keyId, mintId }
}

/** A key that nobody waits for yet is made after those that somebody waits for. */
export const spareMintPriority = -10

/** Sends the job of a mint that has just been written. */
export async function sendMint(
  ctx: Ctx,
  tx: Tx,
  mint: { mintId: string; account: string },
  options: { startAfterSeconds?: number; priority?: number } = {},
): Promise<'queued' | 'already-queued'> {
  const own = mint.account === deploymentAccount
  return ctx.queue.enqueue(
    tx,
    own ? 'mint-key' : 'mint-service-key',
    { mintId: mint.mintId },
    {
      singletonKey: mint.mintId,
      ...(own ? {} : { group: await turnOf(tx, mint.account) }),
      ...options,
    },
  )
}

/** The same for a mint that waits: its job runs now, or is sent again. */
export async function wakeMint(
  ctx: Ctx,
  tx: Tx,
  mint: { mintId: string; account: string },
): Promise<void> {
  await tx.$executeRaw`update keymint.mints set not_before = null where id = ${mint.mintId}::uuid and state = 'pending'`
  await sendMint(ctx, tx, mint)
  const queue = mint.account === deploymentAccount ? 'mint-key' : 'mint-service-key'
  await ctx.queue.bringForward(tx, queue, mint.mintId)
}

/** Carries out what is wanted of a key. One may wait while one runs: a change made meanwhile is not missed. */
export async function sendApply(
  ctx: Ctx,
  tx: Tx,
  key: { id: string; account: string },
  options: { urgent?: boolean } = {},
): Promise<'queued' | 'already-queued'> {
  const sent = await ctx.queue.enqueue(
    tx,
    'apply-key',
    { keyId: key.id },
    {
      singletonKey: key.id,
      group: await applyTurnOf(tx, key),
      priority: options.urgent ? 10 : 0,
    },
  )
  if (sent === 'already-queued' && options.urgent)
    await ctx.queue.bringForward(tx, 'apply-key', key.id)
  return sent
}

/** A key is closed: it is read when its time has come, without waiting for the minute's pass. */
export async function sendDueRead(ctx: Ctx, tx: Tx, account: string): Promise<void> {
  await ctx.queue.enqueue(
    tx,
    'read-account',
    { account, due: true },
    {
      singletonKey: `${account}:due`,
      group: await turnOf(tx, account),
      startAfterSeconds: closedReadSeconds,
    },
  )
}
/** The first reading that counts towards settlement comes 30 s after closing. */
const closedReadSeconds = 31

const offColumn: Record<OffCause, Prisma.Sql> = {
  staff: Prisma.sql`off_staff_at`,
  cap: Prisma.sql`off_cap_at`,
  person: Prisma.sql`off_person_at`,
  runaway: Prisma.sql`off_runaway_at`,
  ended: Prisma.sql`off_ended_at`,
  replaced: Prisma.sql`off_replaced_at`,
}

/**
 * Wants these keys off, for this cause. A key that is over loses its sealed secret in the same
 * statement. Keys that have the cause already are left as they are. Lowering always wins: no
 * version is asked.
 */
export async function wantOff(
  ctx: Ctx,
  tx: Tx,
  keys: readonly Key[],
  cause: OffCause,
  at?: Date,
): Promise<void> {
  const over = cause === 'ended' || cause === 'replaced'
  for (const key of keys) {
    if (key.off[cause] !== null) continue
    await tx.$executeRaw`
      update keymint.keys set ${offColumn[cause]} = coalesce(${at ?? null}::timestamptz, keymint.now()),
        sealed = case when ${over} then null else sealed end, grace_until = case when ${over} then null
        else grace_until end, limit_due_at = case when ${over} then null else limit_due_at end,
        cap_due_at = case when ${over} then null else cap_due_at end,
        delete_wanted = delete_wanted or ${over && key.savedAt !== null && endsByDelete(ctx, key)},
        revision = revision + 1, apply_at = null, apply_tries = 0
      where id = ${key.id}::uuid`
    if (key.savedAt !== null) await sendApply(ctx, tx, key, { urgent: true })
  }
}

const endsByDelete = (ctx: Ctx, key: Key) =>
  ctx.services.get(key.service)?.capabilities.end === 'delete'

/** Takes a cause back. The key is enabled upstream when no other holds it off. */
export async function clearOff(
  ctx: Ctx,
  tx: Tx,
  key: Key,
  cause: Exclude<OffCause, 'ended' | 'replaced'>,
) {
  if (key.off[cause] === null) return
  await tx.$executeRaw`
    update keymint.keys set ${offColumn[cause]} = null, revision = revision + 1, version = version + 1,
      apply_at = null, apply_tries = 0 where id = ${key.id}::uuid`
  await sendApply(ctx, tx, key)
}

/** Wants another cap of one key. `withoutReset`: a sum for life, for a key on its way out. */
export async function wantLimit(
  ctx: Ctx,
  tx: Tx,
  key: Key,
  change: {
    limit: NanoUsd
    dueAt?: Date | null
    withoutReset?: boolean
    graceUntil?: Date
    graceSeconds?: number
  },
): Promise<void> {
  await tx.$executeRaw`
    update keymint.keys set limit_usd = ${decimalStringFromNano(change.limit)}::numeric,
      limit_due_at = ${change.dueAt ?? null}::timestamptz,
      without_reset = without_reset or ${change.withoutReset ?? false},
      grace_until = coalesce(${change.graceUntil ?? null}::timestamptz, grace_until),
      grace_seconds = coalesce(${change.graceSeconds ?? null}::int, grace_seconds),
      revision = revision + 1, apply_at = null, apply_tries = 0
    where id = ${key.id}::uuid`
  if (key.savedAt !== null) await sendApply(ctx, tx, key)
}

/** By people alone: a raise that was asked for on an older version is refused. */
export async function moveVersion(tx: Tx, key: Pick<Key, 'id'>): Promise<void> {
  await tx.$executeRaw`update keymint.keys set version = version + 1 where id = ${key.id}::uuid`
}

/**
 * Brings limits and money of a holder's keys to what follows from its rows, in the caller's
 * transaction and last in it: the present key gets what former ones leave of the cap, every window
 * holds what may still be spent in it, and the holder moves pool or ledger by the difference.
 * False: what is new does not fit, and the caller rolls everything back. The caller holds the
 * holder's row.
 */
export async function book(
  ctx: Ctx,
  tx: Tx,
  holder: { holderKind: HolderKind; holderId: string },
  options: { actor: AuditActor; why: string; reserve?: Reserve },
): Promise<boolean> {
  const port = ctx.holders[holder.holderKind]
  if (!port) throw new Error(`there is no holder of the kind ${holder.holderKind}`)
  const terms = await port.terms(tx, holder)
  if (!terms) return true
  const keys = await lockKeysOf(tx, holder)
  const now = bookedFrom(keys, await engineNow(tx), terms.openedAt)
  const booked = dueKeys(keys, terms, now)
  for (const [index, key] of keys.entries()) {
    const due = booked[index] ?? key
    await retune(ctx, tx, key, due)
    await writeWindows(tx, key, due.windows)
    await holdCap(ctx, tx, due, now)
  }
  return port.move(ctx, tx, holder, {
    keys: booked.map((key) => ({
      id: key.id,
      generation: key.generation,
      settled: key.settledAt !== null,
      neverMade: key.savedAt === null && isOver(key),
      windows: key.windows,
    })),
    now,
    ...options,
  })
}

/** The present key's cap follows from what former keys took; it changes again when their window ends. */
async function retune(ctx: Ctx, tx: Tx, key: Key, due: Key): Promise<void> {
  if (due.limit !== key.limit)
    await wantLimit(ctx, tx, key, { limit: due.limit, dueAt: due.limitDueAt })
  else if ((due.limitDueAt?.getTime() ?? 0) !== (key.limitDueAt?.getTime() ?? 0))
    await tx.$executeRaw`
      update keymint.keys set limit_due_at = ${due.limitDueAt}::timestamptz where id = ${key.id}::uuid`
}

/**
 * The cap that Keymint holds: a key that has reached it is disabled, and enabled when it no longer
 * has. Where being off is no use, because only deleting stops the costs, its holder ends.
 */
async function holdCap(ctx: Ctx, tx: Tx, key: Key, now: Date): Promise<void> {
  const capabilities = ctx.services.get(key.service)?.capabilities
  if (capabilities?.capBy !== 'keymint' || key.savedAt === null || isOver(key)) return
  // What cannot be read cannot be held: it fails closed, until a reading says how much was used.
  const reached = isCapReached(key, now) || (capabilities.end !== 'delete' && isUnread(key, now))
  if (!reached && key.off.cap !== null) await clearOff(ctx, tx, key, 'cap')
  if (reached && capabilities.end === 'delete') {
    await wantOff(ctx, tx, [key], 'ended', now)
    await ctx.holders[key.holderKind]?.expire(ctx, tx, key, 'spent')
  } else if (reached && key.off.cap === null) {
    await wantOff(ctx, tx, [key], 'cap')
    await recordAudit(tx, {
      actor: 'worker',
      action: 'key.cap-reached',
      subject: `${key.holderKind}:${key.holderId}`,
      scope: key.scope,
      details: { keyHash: key.hash, limitUsd: decimalStringFromNano(key.limit) },
    })
  }
  const due = reached ? null : capDueAt(key, now)
  if (due?.getTime() === key.capDueAt?.getTime()) return
  await tx.$executeRaw`
    update keymint.keys set cap_due_at = ${due}::timestamptz where id = ${key.id}::uuid`
  if (due !== null) await sendStopAtCap(ctx, tx, key, due, now)
}

/** The job for the second at which a key reaches its cap. It looks again when that has moved. */
async function sendStopAtCap(ctx: Ctx, tx: Tx, key: Key, due: Date, now: Date): Promise<void> {
  const seconds = Math.max(0, Math.ceil((due.getTime() - now.getTime()) / 1000))
  await ctx.queue.enqueue(
    tx,
    'stop-at-cap',
    { keyId: key.id },
    { singletonKey: key.id, group: await turnOf(tx, key.account), startAfterSeconds: seconds },
  )
}

async function writeWindows(tx: Tx, key: Key, windows: Key['windows']): Promise<void> {
  const text = (rows: Key['windows']) =>
    rows.map((row) => `${row.startsAt.getTime()}:${row.reserved}:${row.used}`).join()
  if (text(windows) === text(key.windows)) return
  await tx.$executeRaw`
    with due as (
      select * from unnest(${windows.map((row) => row.startsAt)}::timestamptz[],
        ${windows.map((row) => decimalStringFromNano(row.reserved))}::numeric[],
        ${windows.map((row) => decimalStringFromNano(row.used))}::numeric[]) as d(starts_at, reserved, used)),
    gone as (
      delete from keymint.key_windows w where w.key_id = ${key.id}::uuid
        and w.starts_at not in (select starts_at from due))
    insert into keymint.key_windows as w (key_id, starts_at, reserved_usd, used_usd)
    select ${key.id}::uuid, starts_at, reserved, used from due
    on conflict (key_id, starts_at) do update
      set reserved_usd = excluded.reserved_usd, used_usd = excluded.used_usd`
}

/** A key of which nothing is known for so long may have passed its cap. */
const maxUnreadMs = 15 * 60_000

const isUnread = (key: Key, now: Date): boolean =>
  key.readError !== null &&
  now.getTime() - (key.readAt ?? key.savedAt ?? now).getTime() > maxUnreadMs
