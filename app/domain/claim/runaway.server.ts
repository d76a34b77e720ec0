/**
 * `pause_on_runaway`: a key that spends so fast that its whole limit would be gone within minutes is
 * put on hold, until its holder or staff let it go on. Guarantee: a hold is one more cause for which
 * the key is wanted off, so the loop of all keys carries it out and the money stays reserved; it is
 * decided under the lock of the claim by readings of after the last time that somebody let the key go
 * on; whoever lets it go on lifts that one hold and nothing else.
 */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { Key } from '../keys/key-row'
import { engineNow, lockKeysOf } from '../keys/key-store.server'
import { sendDueRead, clearOff, wantOff } from '../keys/want.server'
import type { Workshop } from '../workshop-file'
import { claimSubject, holderOf, lockClaim, type ClaimRow } from './claim-row.server'
import type { Owner } from './claim-view.server'
import { isRunaway, minStepSeconds, paceOf, quietMinutes, type SpendReading } from './runaway'

const keptMinutes = 30
/** A key that looks like one is read alone after so many seconds, without waiting for the minute's list. */
const lookAgainSeconds = 25

const withHolds = (ctx: Pick<Ctx, 'workshops'>) =>
  [...ctx.workshops.workshops.values()].flatMap((workshop) =>
    workshop.pauseOnRunawayMinutes === null
      ? []
      : [{ workshop, minutes: workshop.pauseOnRunawayMinutes }],
  )

/** Keeps what was read of live keys, and holds those that run away. Returns how many it held. */
export async function holdRunaways(ctx: Ctx): Promise<number> {
  let held = 0
  for (const { workshop, minutes } of withHolds(ctx)) {
    await keepReadings(ctx, workshop)
    for (const claimId of await suspects(ctx, workshop, minutes))
      try {
        if (await ctx.db.$transaction((tx) => holdOne(ctx, tx, claimId, minutes))) held++
      } catch (error) {
        ctx.log.error({ error, claimId }, 'a key that spends too fast could not be put on hold')
      }
  }
  await ctx.db.$executeRaw`
    delete from keymint.spend_readings where read_at < keymint.now() - make_interval(mins => ${keptMinutes}::int)`
  return held
}

async function keepReadings(ctx: Ctx, { slug }: Workshop): Promise<void> {
  await ctx.db.$executeRaw`
    insert into keymint.spend_readings (key_id, read_at, used_usd)
    select k.id, k.read_at, k.used_usd
    from keymint.workshop_attendance c join keymint.keys k on k.holder_kind = 'claim'
      and k.holder_id = c.claim_id and k.generation = c.generation
    where c.workshop_slug = ${slug} and c.state = 'ready' and k.off_runaway_at is null
      and k.read_at > keymint.now() - make_interval(mins => ${keptMinutes}::int) and k.closed_at is null
      and not exists (select 1 from keymint.spend_readings s where s.key_id = k.id
        and s.read_at > k.read_at - make_interval(secs => ${minStepSeconds}::int))
    on conflict do nothing`
}

/** Where the last two readings differ by so much that a look under the lock is worth it. */
async function suspects(ctx: Ctx, { slug }: Workshop, minutes: number): Promise<string[]> {
  const rows = await ctx.db.$queryRaw<{ claimId: string }[]>`
    select c.claim_id as "claimId"
    from keymint.workshop_attendance c join keymint.keys k on k.holder_kind = 'claim'
      and k.holder_id = c.claim_id and k.generation = c.generation
    cross join lateral (select max(used_usd) - min(used_usd) as spent,
        extract(epoch from max(read_at) - min(read_at)) as seconds
      from (select used_usd, read_at from keymint.spend_readings s where s.key_id = k.id
        order by s.read_at desc limit 5) newest) pace
    where c.workshop_slug = ${slug} and c.state = 'ready' and k.off_runaway_at is null
      and pace.seconds > 0 and pace.spent * ${60 * minutes}::int >= c.limit_usd * ${minStepSeconds}::int
    order by c.claim_id`
  return rows.map(({ claimId }) => claimId)
}

async function holdOne(ctx: Ctx, tx: Tx, claimId: string, minutes: number): Promise<boolean> {
  const claim = await lockClaim(tx, claimId)
  if (claim?.state !== 'ready' || claim.expiresAt <= ctx.now()) return false
  const key = (await lockKeysOf(tx, holderOf(claim))).at(-1)
  if (!key || !isSpendable(key)) return false
  const since = await quietSince(tx, claim)
  if (since === 'quiet') return false
  const pace = paceOf(await readingsOf(tx, key, since), await engineNow(tx))
  if (!pace || !isRunaway(pace.perMinute, claim.limit, minutes)) return false
  if (pace.steps < 2) {
    await lookAgain(ctx, tx, key)
    return false
  }
  const perMinuteUsd = decimalStringFromNano(pace.perMinute)
  const inserted = await tx.$executeRaw`
    insert into keymint.runaway_holds (claim_id, generation, per_minute_usd)
    values (${claimId}::uuid, ${claim.generation}::int, ${perMinuteUsd}::numeric) on conflict do nothing`
  if (inserted === 0) return false
  await wantOff(ctx, tx, [key], 'runaway')
  await recordAudit(tx, {
    actor: 'worker',
    action: 'claim.held',
    subject: claimSubject(claimId),
    scope: claim.workshopSlug,
    details: { perMinuteUsd, minutes, keyHash: key.hash },
  })
  return true
}

/** It works now, as far as is known, and something is left to lose. */
const isSpendable = (key: Key): boolean =>
  key.savedAt !== null &&
  key.closedAt === null &&
  key.missingAt === null &&
  !key.seen.off &&
  Object.values(key.off).every((since) => since === null) &&
  (key.limitReset === null ? key.used : key.windowUsed) < key.limit

/** `quiet` while the burst that somebody let go on may last; else from when readings count. */
async function quietSince(
  tx: Tx,
  { claimId, generation }: ClaimRow,
): Promise<'quiet' | Date | null> {
  const [last] = await tx.$queryRaw<{ open: boolean; quiet: boolean; quietUntil: Date | null }[]>`
    select lifted_at is null as open, coalesce(quiet_until > keymint.now(), false) as quiet,
      quiet_until as "quietUntil"
    from keymint.runaway_holds where claim_id = ${claimId}::uuid and generation = ${generation}::int
    order by held_at desc, lifted_at desc nulls first limit 1`
  return last?.open || last?.quiet ? 'quiet' : (last?.quietUntil ?? null)
}

async function readingsOf(tx: Tx, key: Key, since: Date | null): Promise<SpendReading[]> {
  const rows = await tx.$queryRaw<{ at: Date; used: string }[]>`
    select read_at as at, used_usd::text as used from (
      select read_at, used_usd from keymint.spend_readings where key_id = ${key.id}::uuid
        and (${since}::timestamptz is null or read_at >= ${since}::timestamptz)
      order by read_at desc limit 5) newest order by read_at`
  return rows.map(({ at, used }) => ({ at, used: nanoFromDecimalString(used) }))
}

async function lookAgain(ctx: Ctx, tx: Tx, key: Key): Promise<void> {
  await tx.$executeRaw`
    update keymint.keys set next_read_at = keymint.now() + make_interval(secs => ${lookAgainSeconds}::int)
    where id = ${key.id}::uuid and next_read_at is null`
  await sendDueRead(ctx, tx, key.account)
}

export type GoOnOutcome = 'goes-on' | 'not-on-hold' | 'no-key'

/**
 * The holder lets their key go on. Only the hold that they saw: a press that comes late lifts no
 * other one. What staff disabled meanwhile stays disabled.
 */
export async function goOn(
  ctx: Ctx,
  { workshopSlug, userId }: Owner,
  holdId: string,
): Promise<GoOnOutcome> {
  return ctx.db.$transaction(async (tx): Promise<GoOnOutcome> => {
    const owned = await tx.workshopAttendance.findUnique({
      where: { userId_workshopSlug: { userId, workshopSlug } },
      select: { claimId: true },
    })
    const claim = owned && (await lockClaim(tx, owned.claimId))
    if (!claim || claim.state !== 'ready' || claim.expiresAt <= ctx.now()) return 'no-key'
    const key = (await lockKeysOf(tx, holderOf(claim))).at(-1)
    const lifted = key && (await liftHold(ctx, tx, claim, key, { by: 'holder', holdId }))
    if (!lifted) return 'not-on-hold'
    await recordAudit(tx, {
      actor: `user:${userId}`,
      action: 'claim.went-on',
      subject: claimSubject(claim.claimId),
      scope: workshopSlug,
    })
    return 'goes-on'
  })
}

/** Lifts the hold of a locked claim's present key. False: there is none (any more). */
export async function liftHold(
  ctx: Ctx,
  tx: Tx,
  claim: ClaimRow,
  key: Key,
  { by, holdId }: { by: 'holder' | 'staff'; holdId?: string },
): Promise<boolean> {
  const minutes = ctx.workshops.workshops.get(claim.workshopSlug)?.pauseOnRunawayMinutes ?? 0
  const lifted = await tx.$executeRaw`
    update keymint.runaway_holds set lifted_at = keymint.now(), lifted_by = ${by},
      quiet_until = keymint.now() + make_interval(mins => ${quietMinutes(minutes)}::int)
    where claim_id = ${claim.claimId}::uuid and generation = ${key.generation}::int and lifted_at is null
      and (${holdId ?? null}::uuid is null or id = ${holdId ?? null}::uuid)`
  if (lifted === 0) return false
  await clearOff(ctx, tx, key, 'runaway')
  return true
}
