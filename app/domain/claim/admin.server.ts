/** What staff see of a workshop's claims, and the one repair they can ask for: trying again what did not work. */
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyViewOfDecimal } from '../money-view'
import { committedFor } from '../pool/committed'
import { capsOf, reserve } from '../pool/pool.server'
import { queueMint } from './claim.server'
import type { MoneyView } from './view-types'

export type StaffClaimRow = {
  claimId: string
  reference: string
  displayName: string
  email: string | null
  provider: string
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  reasonDetail: string | null
  bound: boolean
  bindError: string | null
  keyLabel: string | null
  usage: MoneyView | null
  usageAsOf: string | null
  limit: MoneyView
  attendedAt: string
}

const mostRows = 500

/** The newest claims of a workshop (500 at most); those that need a person stand first. */
export async function listClaimsForStaff(ctx: Ctx, workshopSlug: string): Promise<StaffClaimRow[]> {
  type Row = Omit<StaffClaimRow, 'usage' | 'limit' | 'attendedAt' | 'usageAsOf' | 'reference'> & { usageUsd: string; limitUsd: string; attendedAt: Date; usageSyncedAt: Date | null }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select c.claim_id as "claimId", a.display_name as "displayName", a.email, c.provider, c.state, c.reason, c.reason_detail as "reasonDetail",
      c.guardrail_attached_at is not null as bound, c.bind_error as "bindError", c.key_label as "keyLabel", c.usage_usd::text as "usageUsd",
      c.usage_synced_at as "usageSyncedAt", c.limit_usd::text as "limitUsd", c.attended_at as "attendedAt"
    from keymint.workshop_attendance c join keymint.attendees a using (user_id)
    where c.workshop_slug = ${workshopSlug}
    order by (c.state = 'refused' or (c.state = 'ready' and c.guardrail_attached_at is null)) desc, c.attended_at desc, c.claim_id
    limit ${mostRows}::int`
  return rows.map(({ usageUsd, limitUsd, usageSyncedAt, attendedAt, ...row }) => ({
    ...row,
    reference: row.claimId.slice(0, 8).toUpperCase(),
    usage: usageSyncedAt ? moneyViewOfDecimal(usageUsd) : null,
    usageAsOf: usageSyncedAt?.toISOString() ?? null,
    limit: moneyViewOfDecimal(limitUsd),
    attendedAt: attendedAt.toISOString(),
  }))
}

export type RetryOutcome = { kind: 'bind-queued' | 'mint-queued' | 'nothing-to-do' } | { kind: 'refused'; detail: string }

/** Tries again: binds an unbound key, or mints anew for a refused claim, if the pool still has room for it. */
export async function retryClaim(ctx: Ctx, input: { claimId: string; workshopSlug: string; actorUserId: string }): Promise<RetryOutcome> {
  const { claimId, workshopSlug, actorUserId } = input
  const audit = { actor: `user:${actorUserId}` as const, subject: `claim:${claimId}`, workshopSlug }
  return ctx.db.$transaction(async (tx): Promise<RetryOutcome> => {
    const [claim] = await tx.$queryRaw<{ state: string; generation: number; bound: boolean; limitUsd: string; limitReset: 'daily' | 'weekly' | 'monthly' | null; expiresAt: Date }[]>`
      select state, generation, guardrail_attached_at is not null as bound, limit_usd::text as "limitUsd", limit_reset as "limitReset", expires_at as "expiresAt"
      from keymint.workshop_attendance where claim_id = ${claimId}::uuid and workshop_slug = ${workshopSlug} for update`
    if (!claim) return { kind: 'refused', detail: 'There is no such claim in this workshop.' }
    if (claim.state === 'ready' && !claim.bound) {
      const [mint] = await tx.$queryRaw<{ id: string }[]>`
        select id from keymint.mints where owner_kind = 'claim' and owner_id = ${claimId}::uuid and generation = ${claim.generation}::int`
      if (!mint) return { kind: 'refused', detail: 'The work behind this key cannot be found.' }
      await tx.$executeRaw`update keymint.workshop_attendance set bind_set_aside = false where claim_id = ${claimId}::uuid`
      await recordAudit(tx, { ...audit, action: 'bind.retried' })
      await runBindNow(ctx, tx, mint.id)
      return { kind: 'bind-queued' }
    }
    if (claim.state !== 'refused') return { kind: 'nothing-to-do' }
    if (claim.expiresAt <= ctx.now()) return { kind: 'refused', detail: 'The time of this key has passed, so a new one would be dead on arrival.' }

    // Without the file there is no cap to hold the pool against.
    const workshop = ctx.workshops.workshops.get(workshopSlug)
    if (!workshop) return { kind: 'refused', detail: 'The file of this workshop is gone or has an error, so its pool is not known.' }
    const committed = committedFor({ keyLimit: nanoFromDecimalString(claim.limitUsd), reset: claim.limitReset, from: ctx.now(), expiresAt: claim.expiresAt })
    const generation = claim.generation + 1
    await tx.$executeRaw`
      update keymint.workshop_attendance set state = 'pending', seat_freed_at = null, generation = ${generation}::int, reason = null, reason_detail = null
      where claim_id = ${claimId}::uuid`
    await queueMint(ctx, tx, { claimId, generation, workshopSlug })
    await recordAudit(tx, { ...audit, action: 'mint.retried', details: { generation } })
    await tx.$executeRaw`update keymint.workshop_attendance set committed_usd = ${decimalStringFromNano(committed)}::numeric where claim_id = ${claimId}::uuid`
    if (!(await reserve(tx, workshopSlug, committed, capsOf(workshop, ctx.settings)))) throw new RoomIsFull()
    return { kind: 'mint-queued' }
  }).catch((error: unknown) => {
    if (error instanceof RoomIsFull) return { kind: 'refused', detail: 'The pool has no room left for this key.' }
    throw error
  })
}

class RoomIsFull extends Error {}

/** A bind that is backing off is brought forward; one that has no job gets one. */
async function runBindNow(ctx: Ctx, tx: Tx, mintId: string): Promise<void> {
  if ((await ctx.queue.enqueue(tx, 'bind-guardrail', { mintId }, { singletonKey: mintId })) === 'already-queued') await ctx.queue.bringForward(tx, 'bind-guardrail', mintId)
}
