/**
 * Requests for a higher limit: what the holder of a claim asks for, and what staff decide. Guarantee:
 * one open request for each claim (limit_request_one_open), decided once; an approval and its
 * reservation in the pool are one transaction. A trigger ends a request with its key.
 */
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { engineNow, lockKeysOf } from '../keys/key-store.server'
import { liveClaim } from '../live-claim.server'
import { moneyView, moneyViewOfDecimal, type MoneyView } from '../money-view'
import { isPoolIsFull } from '../money/pool.server'
import { asRead, changeLimit } from './change-limit.server'
import { capsOfFile } from './claim-actions.server'
import { claimSubject, holderOf, lockClaim, type ClaimRow } from './claim-row.server'
import type { Owner } from './claim-view.server'
import { leftOfCap } from './next-key.server'
import type { LimitRequestView } from './view-types'

export type AskOutcome =
  | { kind: 'asked' }
  | {
      kind: 'refused'
      reason: 'not-offered' | 'no-key' | 'not-low' | 'open-already' | 'more-than-pool'
    }

/** A key runs low when a fifth of its limit is left. */
const lowPart = 5n

/** Asks staff for more on top of the limit. Never changes anything of the key. */
export async function askForMore(
  ctx: Ctx,
  { workshopSlug, userId }: Owner,
  { more, reason }: { more: NanoUsd; reason: string },
): Promise<AskOutcome> {
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  if (!workshop?.askForMore) return { kind: 'refused', reason: 'not-offered' }
  if (workshop.poolLimit !== null && more > workshop.poolLimit)
    return { kind: 'refused', reason: 'more-than-pool' }
  return ctx.db.$transaction(async (tx): Promise<AskOutcome> => {
    const owned = await tx.workshopAttendance.findUnique({
      where: { userId_workshopSlug: { userId, workshopSlug } },
      select: { claimId: true },
    })
    const claim = owned && (await lockClaim(tx, owned.claimId))
    if (!claim || claim.userId !== userId || !isLive(ctx, claim))
      return { kind: 'refused', reason: 'no-key' }
    const keys = await lockKeysOf(tx, holderOf(claim))
    const { left } = leftOfCap(claim, keys.map(asRead), await engineNow(tx))
    if (left * lowPart > claim.limit) return { kind: 'refused', reason: 'not-low' }
    const usd = decimalStringFromNano(more)
    const inserted = await tx.$executeRaw`
      insert into keymint.limit_requests (claim_id, workshop_slug, more_usd, reason)
      values (${claim.claimId}::uuid, ${workshopSlug}, ${usd}::numeric, ${reason}) on conflict do nothing`
    if (inserted === 0) return { kind: 'refused', reason: 'open-already' }
    await recordAudit(tx, {
      actor: `user:${userId}`,
      action: 'limit-request.asked',
      subject: claimSubject(claim.claimId),
      scope: workshopSlug,
      details: { moreUsd: usd },
    })
    return { kind: 'asked' }
  })
}

const isLive = (ctx: Ctx, claim: ClaimRow) => claim.state === 'ready' && claim.expiresAt > ctx.now()

/**
 * What the owner of a claim sees of requests: the last one, and what staff made of it. Null where the
 * workshop's file does not offer them.
 */
export async function findLimitRequest(
  ctx: Ctx,
  { workshopSlug, userId }: Owner,
): Promise<LimitRequestView | null> {
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  if (!workshop?.askForMore) return null
  const [row] = await ctx.db.$queryRaw<
    {
      state: 'open' | 'approved' | 'refused' | 'ended'
      moreUsd: string
      grantedUsd: string | null
      raised: boolean
      askedAt: Date
      decidedAt: Date | null
    }[]
  >`
    select r.state, r.more_usd::text as "moreUsd", r.granted_usd::text as "grantedUsd",
      coalesce(c.limit_usd >= r.limit_usd, false) as raised, r.asked_at as "askedAt",
      r.decided_at as "decidedAt"
    from keymint.limit_requests r join keymint.workshop_attendance c using (claim_id)
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug}
    order by r.asked_at desc, r.id limit 1`
  return {
    suggested: moneyView(workshop.keyLimit),
    last: row
      ? {
          state: row.state,
          more: moneyViewOfDecimal(row.moreUsd),
          granted: row.grantedUsd === null ? null : moneyViewOfDecimal(row.grantedUsd),
          raised: row.raised,
          askedAt: row.askedAt.toISOString(),
          decidedAt: row.decidedAt?.toISOString() ?? null,
        }
      : null,
  }
}

export type OpenRequest = {
  id: string
  claimId: string
  name: string
  reason: string
  more: MoneyView
  limit: MoneyView
  limitReset: 'daily' | 'weekly' | 'monthly' | null
  askedAt: string
}

/** So many are shown, and decided, at once. */
export const maxRequests = 100

/** The open requests of a workshop whose keys are live, the oldest first. */
export async function listOpenRequests(ctx: Ctx, workshopSlug: string): Promise<OpenRequest[]> {
  const rows = await ctx.db.$queryRaw<
    (Omit<OpenRequest, 'more' | 'limit' | 'askedAt'> & {
      moreUsd: string
      limitUsd: string
      askedAt: Date
    })[]
  >`
    select r.id, r.claim_id as "claimId", a.display_name as name, r.reason, r.more_usd::text as "moreUsd",
      c.limit_usd::text as "limitUsd", c.limit_reset as "limitReset", r.asked_at as "askedAt"
    from keymint.limit_requests r join keymint.workshop_attendance c using (claim_id)
    join keymint.attendees a using (user_id)
    where r.workshop_slug = ${workshopSlug} and r.state = 'open' and ${liveClaim(ctx.now())}
    order by r.asked_at, r.id limit ${maxRequests}::int`
  return rows.map(({ moreUsd, limitUsd, askedAt, ...row }) => ({
    ...row,
    more: moneyViewOfDecimal(moreUsd),
    limit: moneyViewOfDecimal(limitUsd),
    askedAt: askedAt.toISOString(),
  }))
}

/** How many open requests each of these workshops has; those without any are left out. */
export async function countOpenRequests(
  ctx: Pick<Ctx, 'db' | 'now'>,
  slugs: readonly string[],
): Promise<Map<string, number>> {
  if (slugs.length === 0) return new Map()
  const rows = await ctx.db.$queryRaw<{ slug: string; count: number }[]>`
    select r.workshop_slug as slug, count(*)::int as count
    from keymint.limit_requests r join keymint.workshop_attendance c using (claim_id)
    where r.workshop_slug = any(${slugs}) and r.state = 'open' and ${liveClaim(ctx.now())}
    group by r.workshop_slug`
  return new Map(rows.map(({ slug, count }) => [slug, count]))
}

export type RequestDecision =
  /** `more` null is what each asked for. */
  { kind: 'approve'; more: NanoUsd | null } | { kind: 'refuse' }

export type RequestResult =
  'approved' | 'refused' | 'decided-already' | 'key-ended' | 'pool-full' | 'no-file'

/**
 * Decides some requests of a workshop, the oldest first, each in a transaction of its own: one that
 * does not fit into the pool stays open, and the next may still fit.
 */
export async function decideRequests(
  ctx: Ctx,
  input: {
    workshopSlug: string
    requestIds: readonly string[]
    decision: RequestDecision
    actorUserId: string
  },
): Promise<RequestResult[]> {
  const { workshopSlug, requestIds, decision, actorUserId } = input
  const rows = await ctx.db.limitRequest.findMany({
    where: { workshopSlug, id: { in: requestIds.slice(0, maxRequests) } },
    orderBy: [{ askedAt: 'asc' }, { id: 'asc' }],
    select: { id: true, claimId: true },
  })
  const results: RequestResult[] = []
  for (const row of rows)
    results.push(
      decision.kind === 'approve'
        ? await approve(ctx, { ...row, workshopSlug, actorUserId, more: decision.more })
        : await refuse(ctx, { ...row, workshopSlug, actorUserId }),
    )
  return results
}

type OneRequest = { id: string; claimId: string; workshopSlug: string; actorUserId: string }

async function approve(
  ctx: Ctx,
  request: OneRequest & { more: NanoUsd | null },
): Promise<RequestResult> {
  const { id, claimId, workshopSlug, actorUserId } = request
  const caps = capsOfFile(ctx, workshopSlug)
  if (!caps) return 'no-file'
  try {
    return await ctx.db.$transaction(async (tx): Promise<RequestResult> => {
      const claim = await lockClaim(tx, claimId)
      const [open] = await tx.$queryRaw<{ moreUsd: string }[]>`
        select more_usd::text as "moreUsd" from keymint.limit_requests
        where id = ${id}::uuid and state = 'open' for update`
      if (!open) return 'decided-already'
      const key = claim && (await lockKeysOf(tx, holderOf(claim))).at(-1)
      if (!claim || !key || !isLive(ctx, claim) || key.missingAt !== null) return 'key-ended'
      const more = request.more ?? nanoFromDecimalString(open.moreUsd)
      const limit = claim.limit + more
      const grantedUsd = decimalStringFromNano(more)
      await tx.$executeRaw`
        update keymint.limit_requests set state = 'approved', decided_at = keymint.now(),
          granted_usd = ${grantedUsd}::numeric, limit_usd = ${decimalStringFromNano(limit)}::numeric
        where id = ${id}::uuid`
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'limit-request.approved',
        subject: claimSubject(claimId),
        scope: workshopSlug,
        details: { requestId: id, moreUsd: open.moreUsd, grantedUsd },
      })
      await changeLimit(ctx, tx, claim, key, limit, {
        actor: `user:${actorUserId}`,
        caps,
        details: { requestId: id },
      })
      return 'approved'
    })
  } catch (error) {
    if (!isPoolIsFull(error)) throw error
    return 'pool-full'
  }
}

async function refuse(ctx: Ctx, request: OneRequest): Promise<RequestResult> {
  const { id, claimId, workshopSlug, actorUserId } = request
  return ctx.db.$transaction(async (tx): Promise<RequestResult> => {
    const refused = await tx.$executeRaw`
      update keymint.limit_requests set state = 'refused', decided_at = keymint.now()
      where id = ${id}::uuid and state = 'open'`
    if (refused === 0) return 'decided-already'
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'limit-request.refused',
      subject: claimSubject(claimId),
      scope: workshopSlug,
      details: { requestId: id },
    })
    return 'refused'
  })
}
