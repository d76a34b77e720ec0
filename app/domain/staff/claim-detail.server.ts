/**
 * All that is known of one claim, for staff: its keys by their masks, every call that was made for
 * it, and who did what. Never a secret.
 */
import type { Ctx } from '../ctx'
import { errorMessage } from '../error-text'
import type { JobError } from '../job-outcome'
import { moneyViewOfDecimal } from '../money-view'
import type { MoneyView } from '../money-view'

export type ClaimDetail = {
  claimId: string
  reference: string
  workshopSlug: string
  person: {
    userId: string
    displayName: string
    email: string | null
    provider: string
    banned: { reason: string | null } | null
    optedIn: boolean
  }
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  reasonDetail: string | null
  generation: number
  limit: MoneyView
  limitReset: 'daily' | 'weekly' | 'monthly' | null
  committed: MoneyView
  usage: MoneyView | null
  windowUsed: MoneyView | null
  usageAsOf: string | null
  allowedModels: string[]
  attendedAt: string
  expiresAt: string
  endedAt: string | null
  settledAt: string | null
  revealedAt: string | null
  key: {
    label: string
    hash: string
    savedAt: string | null
    boundAt: string | null
    guardrailId: string | null
    bindAttempts: number
    bindError: string | null
    setAside: boolean
    disabled: boolean
    /** Since when it is on hold, because it was spending too fast. */
    heldSince: string | null
    missingSince: string | null
  } | null
  formerKeys: {
    hash: string
    label: string | null
    generation: number
    reason: string
    usage: MoneyView
    retiredAt: string
    disabledAt: string | null
    settledAt: string | null
  }[]
  attempts: {
    id: string
    generation: number
    sentAt: string
    settledAt: string | null
    state: string
    outcome: string | null
    httpStatus: number | null
    deletedAt: string | null
  }[]
  /** A change that the provider has not carried out: since when it fails, and why. */
  unconfirmed: { since: string; error: string } | null
  waiting: {
    since: string
    attempts: number
    notBefore: string | null
    delayReason: string | null
  } | null
  trail: {
    id: string
    at: string
    actor: string
    actorName: string | null
    action: string
    details: Record<string, unknown>
  }[]
  asOf: string
}

const maxEvents = 100

/** Null when the workshop has no such claim. */
export async function findClaimDetail(
  ctx: Ctx,
  workshopSlug: string,
  claimId: string,
): Promise<ClaimDetail | null> {
  const claim = await ctx.db.workshopAttendance.findUnique({
    where: { claimId },
    include: { attendee: true },
    omit: { orKeyPlaintext: true },
  })
  if (!claim || claim.workshopSlug !== workshopSlug) return null
  const [mints, former, trail] = await Promise.all([
    ctx.db.mint.findMany({
      where: { holderKind: 'claim', holderId: claimId },
      include: { mintAttempts: { orderBy: { sentAt: 'desc' } } },
      orderBy: { generation: 'desc' },
    }),
    ctx.db.key.findMany({
      where: { holderKind: 'claim', holderId: claimId, savedAt: { not: null } },
      omit: { sealed: true },
      orderBy: { generation: 'desc' },
    }),
    ctx.db.$queryRaw<
      {
        id: string
        at: Date
        actor: string
        actorName: string | null
        action: string
        details: Record<string, unknown>
      }[]
    >`
      select e.id::text, e.at, e.actor, p.display_name as "actorName", e.action, e.details
        from (
        select * from keymint.audit_events where subject = ${`claim:${claimId}`} order by id desc
          limit ${maxEvents}::int) e
      left join keymint.attendees p on e.actor like 'user:%' and p.user_id = substr(e.actor, 6)
        order by e.id desc`,
  ])
  const pending = mints.find(
    (mint) => mint.state === 'pending' && mint.generation === claim.generation,
  )
  const over = claim.state === 'ready' && claim.expiresAt <= ctx.now()
  const read = claim.usageSyncedAt !== null
  const heldSince = iso(
    former.find(({ generation }) => generation === claim.generation)?.offRunawayAt ?? null,
  )
  return {
    claimId,
    reference: claimId.slice(0, 8).toUpperCase(),
    workshopSlug,
    person: {
      userId: claim.userId,
      displayName: claim.attendee.displayName,
      email: claim.attendee.email,
      provider: claim.provider,
      banned: claim.attendee.bannedAt ? { reason: claim.attendee.banReason } : null,
      optedIn:
        claim.attendee.marketingOptedIn && claim.attendee.marketingOptedInWorkshop === workshopSlug,
    },
    state: over ? 'ended' : (claim.state as ClaimDetail['state']),
    reason: over ? 'expired' : claim.reason,
    reasonDetail: claim.reasonDetail,
    generation: claim.generation,
    limit: money(claim.limitUsd),
    limitReset: claim.limitReset as ClaimDetail['limitReset'],
    committed: money(claim.committedUsd),
    usage: read ? money(claim.usageUsd) : null,
    windowUsed: read ? money(claim.windowUsedUsd) : null,
    usageAsOf: iso(claim.usageSyncedAt),
    allowedModels: claim.allowedModels,
    attendedAt: claim.attendedAt.toISOString(),
    expiresAt: claim.expiresAt.toISOString(),
    endedAt: iso(claim.endedAt),
    settledAt: iso(claim.settledAt),
    revealedAt: iso(claim.revealedAt),
    key:
      claim.orKeyHash === null
        ? null
        : {
            label: claim.keyLabel ?? '',
            hash: claim.orKeyHash,
            savedAt: iso(claim.keySavedAt),
            boundAt: iso(claim.guardrailAttachedAt),
            guardrailId: claim.orGuardrailId,
            bindAttempts: claim.bindAttempts,
            bindError: claim.bindError,
            setAside: claim.bindSetAside,
            disabled: claim.disabledAt !== null || claim.upstreamDisabled || heldSince !== null,
            heldSince,
            missingSince: iso(claim.upstreamMissingAt),
          },
    formerKeys: former
      .filter((key) => key.generation < claim.generation)
      .map((key) => ({
        hash: key.hash ?? '',
        label: key.label,
        generation: key.generation,
        reason: key.withoutReset ? 'extended' : key.offReplacedAt ? 're-issued' : 'claimed-again',
        usage: money(key.usedUsd),
        retiredAt: (key.offReplacedAt ?? key.offEndedAt ?? key.requestedAt).toISOString(),
        disabledAt: iso(key.closedAt),
        settledAt: iso(key.settledAt),
      })),
    attempts: mints.flatMap((mint) =>
      mint.mintAttempts.map((attempt) => ({
        id: attempt.id,
        generation: mint.generation,
        sentAt: attempt.sentAt.toISOString(),
        settledAt: iso(attempt.settledAt),
        state: attempt.state,
        outcome: attempt.outcome,
        httpStatus: attempt.httpStatus,
        deletedAt: iso(attempt.deletedAt),
      })),
    ),
    unconfirmed: unconfirmedOf(former),
    waiting: pending
      ? {
          since: pending.queuedAt.toISOString(),
          attempts: pending.attempts,
          notBefore: iso(pending.notBefore),
          delayReason: pending.delayReason,
        }
      : null,
    trail: trail.map((event) => ({ ...event, at: event.at.toISOString() })),
    asOf: ctx.now().toISOString(),
  }
}

function unconfirmedOf(
  keys: { applyFailedAt: Date | null; applyError: unknown }[],
): ClaimDetail['unconfirmed'] {
  const failing = keys.find((key) => key.applyFailedAt !== null)
  if (!failing?.applyFailedAt) return null
  const error = failing.applyError as JobError | null
  return {
    since: failing.applyFailedAt.toISOString(),
    error: errorMessage(error ?? { reason: 'upstream-trouble' }),
  }
}

const iso = (date: Date | null) => date?.toISOString() ?? null
const money = (decimal: { toFixed(digits: number): string }) =>
  moneyViewOfDecimal(decimal.toFixed(9))
