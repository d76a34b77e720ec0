/**
 * `release_unused_after`: the seat of a key that was never shown, tested or used goes to the line.
 * Guarantee: it is said on the page ten minutes before at least; a press, a look at the key, a test or
 * a use until the very moment keeps the key; and the usage of nothing is a reading of after that
 * moment. A key that was shown is never ended here: both lock the claim's row.
 */
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { lockKeysOf } from '../keys/key-store.server'
import type { Workshop } from '../workshop-file'
import { holderOf, lockClaim } from './claim-row.server'
import type { Owner } from './claim-view.server'
import { endClaim } from './end-claim.server'

const noticeMinutes = 10
const maxPerSweep = 500

const withRelease = (ctx: Pick<Ctx, 'workshops'>): Workshop[] =>
  [...ctx.workshops.workshops.values()].filter(
    ({ waitlist, releaseUnusedAfterMs }) => waitlist && releaseUnusedAfterMs !== null,
  )

/** Says it where it is time, and releases what was said in time. Returns how many keys ended. */
export async function releaseUnused(ctx: Ctx): Promise<number> {
  let released = 0
  for (const { slug, releaseUnusedAfterMs } of withRelease(ctx)) {
    await giveNotice(ctx, slug, releaseUnusedAfterMs ?? 0)
    const due = await ctx.db.$queryRaw<{ claimId: string; generation: number }[]>`
      select n.claim_id as "claimId", n.generation
      from keymint.release_notices n join keymint.workshop_attendance c using (claim_id, generation)
      join keymint.keys k on k.holder_kind = 'claim' and k.holder_id = c.claim_id
        and k.generation = c.generation
      where c.workshop_slug = ${slug} and c.state = 'ready' and n.kept_at is null
        and n.release_at <= keymint.now() and k.read_at > n.release_at and k.used_usd = 0
        and c.revealed_at is null
      order by n.release_at, n.claim_id limit ${maxPerSweep}::int`
    for (const one of due)
      try {
        if (await ctx.db.$transaction((tx) => release(ctx, tx, one))) released++
      } catch (error) {
        ctx.log.error({ error, claimId: one.claimId }, 'an unused key could not be released')
      }
  }
  return released
}

async function giveNotice(ctx: Ctx, slug: string, afterMs: number): Promise<void> {
  await ctx.db.$executeRaw`
    insert into keymint.release_notices (claim_id, generation, release_at)
    select c.claim_id, c.generation, greatest(k.saved_at + make_interval(secs => ${afterMs / 1000}::int),
      keymint.now() + make_interval(mins => ${noticeMinutes}::int))
    from keymint.workshop_attendance c join keymint.keys k on k.holder_kind = 'claim'
      and k.holder_id = c.claim_id and k.generation = c.generation
    where c.workshop_slug = ${slug} and c.state = 'ready' and c.expires_at > keymint.now()
      and c.revealed_at is null and c.disabled_at is null and k.used_usd = 0
      and k.saved_at + make_interval(secs => ${afterMs / 1000}::int)
        <= keymint.now() + make_interval(mins => ${noticeMinutes}::int)
      and not exists (select 1 from keymint.release_notices n
        where n.claim_id = c.claim_id and n.generation = c.generation)
    limit ${maxPerSweep}::int on conflict do nothing`
}

async function release(
  ctx: Ctx,
  tx: Tx,
  due: { claimId: string; generation: number },
): Promise<boolean> {
  const claim = await lockClaim(tx, due.claimId)
  if (!claim || claim.state !== 'ready' || claim.generation !== due.generation) return false
  const keys = await lockKeysOf(tx, holderOf(claim))
  const [still] = await tx.$queryRaw<{ unused: boolean }[]>`
    select n.kept_at is null and c.revealed_at is null and c.disabled_at is null
      and n.release_at <= keymint.now() and k.used_usd = 0 and k.read_at > n.release_at as unused
    from keymint.release_notices n join keymint.workshop_attendance c using (claim_id, generation)
    join keymint.keys k on k.holder_kind = 'claim' and k.holder_id = c.claim_id
      and k.generation = c.generation
    where n.claim_id = ${due.claimId}::uuid and n.generation = ${due.generation}::int
    for update of n`
  if (!still?.unused || keys.length > due.generation) return false
  await endClaim(ctx, tx, claim, {
    reason: 'unused',
    // They may stand in line like everybody.
    mayClaimAgain: true,
    actor: 'worker',
    why: null,
  })
  return true
}

/** Keeps the present key of this person: a press, or a test of the key. False where there is none. */
export async function keepKey(ctx: Ctx, { workshopSlug, userId }: Owner): Promise<boolean> {
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  if (!workshop || workshop.releaseUnusedAfterMs === null) return false
  return ctx.db.$transaction(async (tx) => {
    const owned = await tx.workshopAttendance.findUnique({
      where: { userId_workshopSlug: { userId, workshopSlug } },
      select: { claimId: true },
    })
    const claim = owned && (await lockClaim(tx, owned.claimId))
    if (claim?.state !== 'ready') return false
    const kept = await tx.$executeRaw`
      insert into keymint.release_notices as n (claim_id, generation, release_at, kept_at)
      values (${claim.claimId}::uuid, ${claim.generation}::int, keymint.now(), keymint.now())
      on conflict (claim_id, generation) do update set kept_at = keymint.now() where n.kept_at is null`
    if (kept === 1)
      await recordAudit(tx, {
        actor: `user:${userId}`,
        action: 'claim.kept',
        subject: `claim:${claim.claimId}`,
        scope: workshopSlug,
      })
    return true
  })
}

/** When the seat of this person's unused key goes to the line (ISO UTC); null where it does not. */
export async function findReleaseAt(
  ctx: Ctx,
  { workshopSlug, userId }: Owner,
): Promise<string | null> {
  if (ctx.workshops.workshops.get(workshopSlug)?.releaseUnusedAfterMs == null) return null
  const [row] = await ctx.db.$queryRaw<{ releaseAt: Date }[]>`
    select n.release_at as "releaseAt" from keymint.release_notices n
    join keymint.workshop_attendance c using (claim_id, generation)
    join keymint.keys k on k.holder_kind = 'claim' and k.holder_id = c.claim_id
      and k.generation = c.generation
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug} and c.state = 'ready'
      and c.revealed_at is null and n.kept_at is null and k.used_usd = 0`
  return row?.releaseAt.toISOString() ?? null
}
