/**
 * The stock of pre-minted keys: what the file asks for (`premint`) is made before claims open, kept
 * up while they are open, and closed when it no longer fits or is not needed. Every step is one
 * transaction and leaves rows that the next pass reads, so that a crash between any two changes
 * nothing. Money is reserved before a key is asked for, and returns when the key is settled.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { deploymentAccount } from '../keys/accounts.server'
import { lockKeysOf } from '../keys/key-store.server'
import { book, sendMint, spareMintPriority, wantOff } from '../keys/want.server'
import { ahead, windowStart } from '../keys/windows'
import { isPoolIsFull, PoolIsFull, reserveForSpares } from '../money/pool.server'
import { committedAt } from '../workshop/worst-case'
import type { Workshop } from '../workshop-file'
import { decideStock, maxMadeAtOnce, type LiveSpare, type StockDecision } from './decide-stock'
import { endSpare, type SpareEnd } from './spare-holder.server'
import { fitsFile, isSound } from './take-spare.server'

/** How long nothing is made after one was refused or has become unusable. */
const failureMinutes = 5
const maxRounds = 30

/** Every workshop that has pre-minted keys, or should have. Returns how many were made or closed. */
export async function keepSpares(ctx: Ctx): Promise<number> {
  const live = await ctx.db.spare.findMany({
    where: { state: { in: ['pending', 'ready'] } },
    distinct: ['workshopSlug'],
    select: { workshopSlug: true },
  })
  const wanted = [...ctx.workshops.workshops.values()].filter(({ premint }) => premint !== null)
  const slugs = new Set([...live.map((row) => row.workshopSlug), ...wanted.map(({ slug }) => slug)])
  let changed = 0
  for (const slug of slugs) {
    try {
      changed += await keepSparesOf(ctx, slug)
    } catch (error) {
      ctx.log.error({ error, slug }, 'the pre-minted keys of a workshop could not be kept')
    }
  }
  return changed
}

/** The same for one workshop. Safe to run twice and beside itself. */
export async function keepSparesOf(ctx: Ctx, slug: string): Promise<number> {
  // What an unreadable file or folder says of a workshop is not known: nothing is made or closed.
  if (ctx.workshops.broken.has(slug) || isFolderUnread(ctx)) return 0
  const workshop = ctx.workshops.workshops.get(slug) ?? null
  let changed = 0
  for (const { id, reason } of (await readDecision(ctx, ctx.db, slug, workshop)).close)
    if (await closeSpare(ctx, id, reason)) changed++
  for (let round = 0; workshop && round < maxRounds; round++) {
    const made = await makeSpares(ctx, workshop)
    changed += made
    if (made < maxMadeAtOnce) break
  }
  return changed
}

const isFolderUnread = (ctx: Ctx) => ctx.workshops.problems.some(({ field }) => field === 'folder')

/** A job that starts so much later counts what all claims until then have taken. */
const topUpAfterSeconds = 1
const lastSent = new WeakMap<Ctx['db'], Map<string, number>>()

/**
 * Asks for the next pass, once a second at most: a claim need not pay for what another has asked for.
 * A job that is lost is no harm: the sweep does the same.
 */
export async function sendKeepSpares(ctx: Ctx, workshop: Workshop): Promise<void> {
  if (workshop.premint === null) return
  const { slug } = workshop
  const sent = lastSent.get(ctx.db) ?? new Map<string, number>()
  lastSent.set(ctx.db, sent)
  if (performance.now() - (sent.get(slug) ?? -Infinity) < topUpAfterSeconds * 1000) return
  sent.set(slug, performance.now())
  try {
    await ctx.queue.enqueue(
      ctx.db,
      'keep-spares',
      { workshopSlug: slug },
      { singletonKey: slug, startAfterSeconds: topUpAfterSeconds },
    )
  } catch (error) {
    ctx.log.warn({ error, slug }, 'the stock of pre-minted keys is topped up by the next sweep')
  }
}

type Facts = {
  paused: boolean
  parked: boolean
  failedLately: boolean
  committed: string
  seats: number
  totalSeats: number
  ended: boolean
}

async function readDecision(
  ctx: Ctx,
  db: Tx,
  slug: string,
  workshop: Workshop | null,
): Promise<StockDecision> {
  const live = workshop
    ? await db.$queryRaw<LiveSpare[]>`
        select s.id, s.state, (${fitsFile(workshop)}) as fits, (${isSound}) as sound
        from keymint.spares s join keymint.keys k on k.holder_kind = 'spare' and k.holder_id = s.id
        where s.workshop_slug = ${slug} and s.state in ('pending', 'ready')
          and k.installation = ${ctx.installationId} order by s.requested_at, s.id`
    : await db.$queryRaw<LiveSpare[]>`
        select s.id, s.state, false as fits, true as sound
        from keymint.spares s join keymint.keys k on k.holder_kind = 'spare' and k.holder_id = s.id
        where s.workshop_slug = ${slug} and s.state in ('pending', 'ready')
          and k.installation = ${ctx.installationId} order by s.requested_at, s.id`
  const [facts] = await db.$queryRaw<Facts[]>`
    select g.paused_at is not null or exists (
        select 1 from keymint.paused_queues q where q.name = 'keep-spares') as paused,
      a.parked_at is not null as parked, exists (select 1 from keymint.spares s where s.workshop_slug = ${slug}
        and (s.state = 'refused' or (s.state = 'ended' and s.reason = 'unusable'))
        and s.ended_at > keymint.now() - make_interval(mins => ${failureMinutes}::int)) as "failedLately",
      coalesce(p.committed_usd, 0)::text as committed, coalesce(p.seats, 0) as seats,
      coalesce((select t.seats from keymint.total_seats t), 0) as "totalSeats", p.ended_at is not null as ended
    from keymint.minting g
    join keymint.accounts a on a.id = ${deploymentAccount}::uuid
    left join keymint.pools p on p.workshop_slug = ${slug}`
  if (!facts) throw new Error('keymint.minting has no row')
  const { provisioningEnabled, maxTotalKeys } = ctx.settings
  return decideStock({
    workshop,
    now: ctx.now(),
    ended: facts.ended,
    mayMake: provisioningEnabled && !facts.paused && !facts.parked,
    failedLately: facts.failedLately,
    committed: nanoFromDecimalString(facts.committed),
    seats: facts.seats,
    totalSeatsLeft:
      workshop?.kind === 'giveaway' ? Math.max(0, maxTotalKeys - facts.totalSeats) : null,
    live,
  })
}

/**
 * Asks for as many as are missing, in one transaction with their money. Two that count at once would
 * make them twice: the second does nothing.
 */
async function makeSpares(ctx: Ctx, workshop: Workshop): Promise<number> {
  try {
    return await ctx.db.$transaction(
      async (tx) => {
        const [lock] = await tx.$queryRaw<{ mine: boolean }[]>`
          select pg_try_advisory_xact_lock(hashtextextended(${`spares:${workshop.slug}`}, 0)) as mine`
        if (!lock?.mine) return 0
        const { make } = await readDecision(ctx, tx, workshop.slug, workshop)
        return make > 0 ? requestSpares(ctx, tx, workshop, make) : 0
      },
      { maxWait: 5_000, timeout: 30_000 },
    )
  } catch (error) {
    // A claim was faster. What it left is counted by the next pass.
    if (isPoolIsFull(error)) return 0
    throw error
  }
}

/** Rows, mints and jobs of so many spares; the pool last. Behind a pause nothing is written. */
async function requestSpares(ctx: Ctx, tx: Tx, workshop: Workshop, count: number): Promise<number> {
  const now = ctx.now()
  const { keyLimit, keyLimitReset } = workshop
  const committed = committedAt(workshop, now)
  const usd = { limit: decimalStringFromNano(keyLimit), held: decimalStringFromNano(committed) }
  const windows = [
    { startsAt: windowStart('reset', keyLimitReset, now), reserved: keyLimit },
    { startsAt: ahead, reserved: committed - keyLimit },
  ].filter(({ reserved }) => reserved > 0n)
  const ids = Array.from(
    { length: count },
    () => [randomUUID(), randomUUID(), randomUUID()] as const,
  )
  const mintIds = ids.map(([, mintId]) => mintId)
  const written = await tx.$executeRaw`
    with wanted as (
      select * from unnest(${ids.map(([id]) => id)}::uuid[], ${mintIds}::uuid[],
        ${ids.map(([, , keyId]) => keyId)}::uuid[]) as w(id, mint_id, key_id)
      cross join keymint.minting where paused_at is null),
    spare as (
      insert into keymint.spares (id, workshop_slug, limit_usd, limit_reset, expires_at, allowed_models, committed_usd)
      select id, ${workshop.slug}, ${usd.limit}::numeric, ${keyLimitReset}, ${workshop.keyExpiresAt}::timestamptz,
        ${workshop.allowedModels}::text[], ${usd.held}::numeric from wanted returning *),
    mint as (
      insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, limit_usd, limit_reset,
        expires_at, allowed_models)
      select w.mint_id, 'spare', s.id, 1, s.workshop_slug, ${deploymentAccount}::uuid, s.limit_usd, s.limit_reset,
        s.expires_at, s.allowed_models from spare s join wanted w on w.id = s.id),
    key as (
      insert into keymint.keys (id, installation, holder_kind, holder_id, generation, account, scope, mint_id,
        expires_at, limit_usd, limit_reset, wants_guardrail)
      select w.key_id, ${ctx.installationId}, 'spare', s.id, 1, ${deploymentAccount}::uuid, s.workshop_slug,
        w.mint_id, s.expires_at, s.limit_usd, s.limit_reset, true from spare s join wanted w on w.id = s.id)
    insert into keymint.key_windows (key_id, starts_at, reserved_usd)
    select w.key_id, d.starts_at, d.reserved from wanted w
    cross join unnest(${windows.map((one) => one.startsAt)}::timestamptz[],
      ${windows.map((one) => decimalStringFromNano(one.reserved))}::numeric[]) as d(starts_at, reserved)`
  if (written === 0) return 0
  for (const mintId of mintIds)
    await sendMint(ctx, tx, { mintId, account: deploymentAccount }, { priority: spareMintPriority })
  await recordAudit(tx, {
    actor: 'worker',
    action: 'spare.requested',
    subject: `workshop:${workshop.slug}`,
    scope: workshop.slug,
    details: { count, limitUsd: usd.limit, committedUsd: usd.held },
  })
  const total = committed * BigInt(count)
  if (!(await reserveForSpares(tx, workshop.slug, total, { limit: workshop.poolLimit })))
    throw new PoolIsFull()
  return count
}

/** Ends a spare and its key; what it held returns when the key is settled, at once if none was made. */
async function closeSpare(
  ctx: Ctx,
  id: string,
  reason: SpareEnd,
  states: LiveSpare['state'][] = ['pending', 'ready'],
): Promise<boolean> {
  const holder = { holderKind: 'spare' as const, holderId: id }
  return ctx.db.$transaction(async (tx) => {
    await ctx.holders.spare?.lock(ctx, tx, holder)
    const [spare] = await tx.$queryRaw<{ state: string }[]>`
      select state from keymint.spares where id = ${id}::uuid and state = any(${states}::text[])`
    if (!spare) return false
    await wantOff(ctx, tx, await lockKeysOf(tx, holder), 'ended')
    await tx.$executeRaw`
      update keymint.mints set state = 'cancelled', done_at = now()
      where holder_kind = 'spare' and holder_id = ${id}::uuid and state = 'pending'`
    await endSpare(tx, id, reason)
    await book(ctx, tx, holder, { actor: 'worker', why: reason })
    return true
  })
}

/**
 * The pool is full. Whether that is because spares hold its money: then one that is made is there to
 * be `taken`, or one that is not made yet is `given-up` for the claim. Null: spares are not why.
 */
export async function makeRoomFromSpares(
  ctx: Ctx,
  workshop: Workshop,
): Promise<'taken' | 'given-up' | null> {
  if (workshop.premint === null || workshop.poolLimit === null) return null
  const [pool] = await ctx.db.$queryRaw<{ committed: string; seats: number; ended: boolean }[]>`
    select committed_usd::text as committed, seats, ended_at is not null as ended
    from keymint.pools where workshop_slug = ${workshop.slug}`
  if (!pool || pool.ended || pool.seats >= (workshop.maxKeys ?? Infinity)) return null
  if (nanoFromDecimalString(pool.committed) > workshop.poolLimit) return null
  // Waits for whoever is at one of them: a reading, or another claim.
  const live = await ctx.db.$transaction(
    (tx) => tx.$queryRaw<{ id: string; state: string }[]>`
      select s.id, s.state from keymint.spares s
      join keymint.keys k on k.holder_kind = 'spare' and k.holder_id = s.id
      where s.workshop_slug = ${workshop.slug} and s.state in ('pending', 'ready')
        and k.installation = ${ctx.installationId} and ${fitsFile(workshop)} and ${isSound}
      order by s.id for update of s`,
  )
  if (live.some(({ state }) => state === 'ready')) return 'taken'
  // Another claim may give up the same one: then this one gives up the next. One that has been made
  // meanwhile is there to be taken.
  for (const { id } of live)
    if (await closeSpare(ctx, id, 'not-needed', ['pending'])) return 'given-up'
  return live.length > 0 ? 'taken' : null
}
