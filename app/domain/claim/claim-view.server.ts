/** A claim as its owner sees it: one query over the rows, and nothing of the queue's own state. */
import type { Ctx } from '../ctx'
import { deploymentAccount } from '../keys/accounts.server'
import { asDelayReason, type DelayReason } from '../keys/mint-policy'
import { moneyView, moneyViewOfDecimal } from '../money-view'
import { nanoFromDecimalString } from '~/money'
import { claimAgainFrom } from './claim-again'
import { unboundRevealSeconds } from './reveal.server'
import { quietMinutes } from './runaway'
import type { ClaimEnd, ClaimRefusal, ClaimView, KeyView } from './view-types'
import { estimateSeconds, nextPollMs, stepViews, type Progress } from './waiting'
import { workerSeen } from '../worker-seen.server'

type Row = {
  claimId: string
  workshopSlug: string
  generation: number
  state: ClaimView['state']
  reason: string | null
  reasonDetail: string | null
  limitUsd: string
  limitReset: KeyView['limitReset']
  expiresAt: Date
  allowedModels: string[]
  keyLabel: string | null
  keySavedAt: Date | null
  bound: boolean
  bindError: string | null
  revealable: boolean
  usageUsd: string
  windowUsedUsd: string
  usageSyncedAt: Date | null
  upstreamDisabled: boolean
  upstreamMissing: boolean
  disabledByStaff: boolean
  holdId: string | null
  holdLifted: boolean
  holdPerMinuteUsd: string | null
  heldAt: Date | null
  carryUsd: string
  budgetFollows: boolean
  mayClaimAgain: boolean
  replacing: string | null
  formerLabel: string | null
  formerLeftUsd: string | null
  formerUntil: Date | null
  isReplacement: boolean
  lastUsedAt: Date | null
  endedAt: Date | null
  cooldownMs: bigint | null
  attendedAt: Date
  queuedSeconds: number | null
  creatingSeconds: number | null
  limitsSeconds: number | null
  taken: boolean
  calling: boolean
  attempts: number
  mintReason: string | null
  mintWaitSeconds: number | null
  gateWaitSeconds: number | null
  gateReason: string | null
  pausedReason: string | null
  pausedAt: Date | null
  ahead: number
  slots: number
  recent: number[] | null
}

export type Owner = { workshopSlug: string; userId: string }

/** The claim of this person in this workshop, or null when there is none. */
export async function findClaimView(ctx: Ctx, owner: Owner): Promise<ClaimView | null> {
  const row = await readClaim(ctx, owner)
  return row && viewOf(ctx, row)
}

/** Every claim of a person, newest first. */
export async function listClaimsOf(ctx: Ctx, userId: string): Promise<ClaimView[]> {
  const owned = await ctx.db.workshopAttendance.findMany({
    where: { userId },
    orderBy: { attendedAt: 'desc' },
    select: { workshopSlug: true },
  })
  const views = await Promise.all(
    owned.map(({ workshopSlug }) => findClaimView(ctx, { workshopSlug, userId })),
  )
  return views.filter((view) => view !== null)
}

async function readClaim(ctx: Ctx, { workshopSlug, userId }: Owner): Promise<Row | null> {
  const rows = await ctx.db.$queryRaw<Row[]>`
    select c.claim_id as "claimId", c.workshop_slug as "workshopSlug", c.generation, c.state, c.reason,
      c.reason_detail as "reasonDetail",
      c.limit_usd::text as "limitUsd", c.limit_reset as "limitReset", c.expires_at as "expiresAt",
        c.allowed_models as "allowedModels",
      c.key_label as "keyLabel", c.key_saved_at as "keySavedAt", c.guardrail_attached_at is not null as bound,
        c.bind_error as "bindError",
      c.state = 'ready' and (c.guardrail_attached_at is not null
        or c.key_saved_at <= now() - make_interval(secs => ${unboundRevealSeconds}::int)) as revealable,
      c.usage_usd::text as "usageUsd",
      (case when c.limit_reset is null
        or c.window_started_at = date_trunc(case c.limit_reset when 'daily' then 'day' when 'weekly' then 'week'
        else 'month' end, now(), 'UTC')
        then c.window_used_usd else 0 end)::text as "windowUsedUsd",
      c.usage_synced_at as "usageSyncedAt", c.upstream_disabled as "upstreamDisabled",
        c.upstream_missing_at is not null as "upstreamMissing",
      c.disabled_at is not null as "disabledByStaff", hold.id as "holdId", hold.held_at as "heldAt",
      hold.lifted_at is not null as "holdLifted", hold.per_minute_usd::text as "holdPerMinuteUsd",
      c.may_claim_again as "mayClaimAgain",
      greatest(0, c.limit_usd - coalesce(c.limit_now_usd, c.limit_usd))::text as "carryUsd",
      c.state = 'ready' and c.generation > 1 and coalesce(c.limit_now_usd, c.limit_usd) < c.limit_usd
        and exists (select 1 from keymint.keys f where f.holder_kind = 'claim' and f.holder_id = c.claim_id
          and f.generation < c.generation and f.saved_at is not null and f.settled_at is null
          and f.stable_at is null and (f.off_replaced_at is not null or f.off_ended_at is not null))
        as "budgetFollows",
      case when c.state = 'ready' then (select b.kind from keymint.bulk_action_items i
        join keymint.bulk_actions b on b.id = i.bulk_id
        where i.subject = 'claim:' || c.claim_id and i.state = 'pending'
          and b.kind in ('claim.re-issue', 'claim.extend') limit 1) end as replacing,
      former.label as "formerLabel",
        greatest(0, former.limit_usd - former.used_usd)::text as "formerLeftUsd",
      case when c.state = 'ready' then former.grace_until end as "formerUntil",
      exists (select 1 from keymint.keys f where f.holder_kind = 'claim' and f.holder_id = c.claim_id
        and f.generation = c.generation - 1 and (f.off_replaced_at is not null or f.grace_until is not null))
        as "isReplacement", own.grown_at as "lastUsedAt",
      c.ended_at as "endedAt", c.cooldown_ms as "cooldownMs", c.attended_at as "attendedAt",
      extract(epoch from greatest(m.taken_at, c.attended_at) - greatest(m.queued_at, c.attended_at))::float8
        as "queuedSeconds",
      extract(epoch from greatest(c.key_saved_at, c.attended_at) - greatest(m.taken_at, c.attended_at))::float8
        as "creatingSeconds",
      extract(epoch from greatest(c.guardrail_attached_at, c.attended_at)
        - greatest(c.key_saved_at, c.attended_at))::float8 as "limitsSeconds",
      m.taken_at is not null as taken,
      exists (select 1 from keymint.mint_attempts a where a.mint_id = m.id and a.state = 'sent') as calling,
      coalesce(m.attempts, 0) as attempts, m.delay_reason as "mintReason",
      ceil(extract(epoch from m.not_before - now()))::int as "mintWaitSeconds",
      ceil(extract(epoch from gate.cooldown_until - now()))::int as "gateWaitSeconds",
        gate.reason as "gateReason",
      g.paused_at as "pausedAt", g.pause_reason as "pausedReason",
      case when c.state = 'pending' then (select count(*) from keymint.mints w where w.state = 'pending'
        and w.account = ${deploymentAccount}::uuid and w.holder_kind <> 'spare'
        and (w.queued_at, w.id) < (m.queued_at, m.id)) else 0 end::int as ahead,
      case when c.state = 'pending' then (select coalesce(sum(slots), 0) from keymint.workers
        where ${workerSeen}) else 0 end::int as slots,
      case when c.state = 'pending' then (select array_agg(seconds) from (
        select extract(epoch from d.done_at - d.taken_at)::float8 as seconds from keymint.mints d
        where d.state = 'done' and d.account = ${deploymentAccount}::uuid and d.done_at > now() - interval '30 min'
          and d.taken_at is not null order by d.done_at desc limit 30) recent) end as recent
    from keymint.workshop_attendance c
    cross join keymint.minting g
    join keymint.accounts gate on gate.id = ${deploymentAccount}::uuid
    left join keymint.mints m on m.holder_kind = 'claim' and m.holder_id = c.claim_id
      and m.generation = c.generation
    left join keymint.keys own on own.holder_kind = 'claim' and own.holder_id = c.claim_id
      and own.generation = c.generation
    left join lateral (select * from keymint.runaway_holds h where h.claim_id = c.claim_id
      and h.generation = c.generation and c.state = 'ready'
      and (h.lifted_at is null or (own.seen_off and own.revision <> own.seen_revision))
      order by h.held_at desc limit 1) hold on true
    left join keymint.keys former on former.holder_kind = 'claim' and former.holder_id = c.claim_id
      and former.generation = c.generation - 1 and former.without_reset and former.off_replaced_at is null
      and former.off_ended_at is null and former.grace_until > ${ctx.now()} and c.state in ('pending', 'ready')
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug}`
  const row = rows[0]
  return row ? expireOnRead(ctx, row) : null
}

/** A key has expired when its time has come, whether or not a sweep has run. */
function expireOnRead(ctx: Ctx, row: Row): Row {
  if (!hasExpired(ctx, row)) return row
  return { ...row, state: 'ended', reason: 'expired', endedAt: row.expiresAt, revealable: false }
}

export const hasExpired = (ctx: Ctx, row: Pick<Row, 'state' | 'expiresAt'>): boolean =>
  row.state === 'ready' && row.expiresAt <= ctx.now()

/** How often the page asks while the old key is being read. */
const budgetFollowsPollMs = 5_000
const resumingPollMs = 2_000

export function pollAfterMs(
  row: Pick<Row, 'replacing' | 'budgetFollows'> & { resuming: boolean },
  progress: Progress,
  waiting: Parameters<typeof nextPollMs>[1],
): number | null {
  if (row.replacing !== null) return 1_000
  if (row.resuming) return resumingPollMs
  return row.budgetFollows ? budgetFollowsPollMs : nextPollMs(progress, waiting)
}

export type WaitingFacts = Pick<
  Row,
  | 'state'
  | 'calling'
  | 'attempts'
  | 'pausedAt'
  | 'pausedReason'
  | 'gateWaitSeconds'
  | 'gateReason'
  | 'mintReason'
  | 'mintWaitSeconds'
>

export function progressOf(
  ctx: Ctx,
  row: WaitingFacts & Pick<Row, 'taken' | 'bound' | 'revealable'>,
): Progress {
  return {
    state: row.state,
    taken: row.taken,
    calling: row.calling,
    delayed: delayOf(ctx, row) !== null,
    bound: row.bound,
    revealable: row.revealable,
  }
}

export function delayOf(ctx: Ctx, row: WaitingFacts): NonNullable<ClaimView['waiting']>['delay'] {
  if (row.state !== 'pending' || row.calling) return null
  const delay = (reason: DelayReason, retryInSeconds: number, detail: string | null = null) => ({
    reason,
    attempt: row.attempts + 1,
    retryInSeconds: Math.max(0, retryInSeconds),
    detail,
    since: reason === 'paused' ? (row.pausedAt?.toISOString() ?? null) : null,
  })
  if (!ctx.settings.provisioningEnabled) return delay('switched-off', 30)
  if (row.pausedAt) return delay('paused', 15, row.pausedReason)
  if (row.gateWaitSeconds !== null) return delay(asDelayReason(row.gateReason), row.gateWaitSeconds)
  if (row.mintReason !== null) return delay(asDelayReason(row.mintReason), row.mintWaitSeconds ?? 0)
  return row.attempts > 0 ? delay('upstream-trouble', row.mintWaitSeconds ?? 0) : null
}

function viewOf(ctx: Ctx, row: Row): ClaimView {
  const progress = progressOf(ctx, row)
  const waiting: ClaimView['waiting'] =
    row.state === 'pending'
      ? {
          peopleAhead: row.ahead,
          etaSeconds: estimateSeconds(row.ahead, row.recent ?? [], row.slots),
          delay: delayOf(ctx, row),
          workerSeen: row.slots > 0,
        }
      : null
  return {
    claimId: row.claimId,
    reference: row.claimId.slice(0, 8).toUpperCase(),
    workshopSlug: row.workshopSlug,
    state: row.state,
    steps: stepViews(progress, {
      queued: row.queuedSeconds,
      creating: row.creatingSeconds,
      limits: row.limitsSeconds,
    }),
    claimedAt: row.attendedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    waiting,
    refusal:
      row.state === 'refused'
        ? { reason: row.reason as ClaimRefusal, detail: row.reasonDetail }
        : null,
    end:
      row.state === 'ended'
        ? { reason: row.reason as ClaimEnd, endedAt: (row.endedAt ?? row.expiresAt).toISOString() }
        : null,
    claimAgain: againOf(ctx, row),
    replacing:
      row.replacing === 'claim.re-issue'
        ? 're-issue'
        : row.replacing === 'claim.extend'
          ? 'extend'
          : null,
    formerKey:
      row.formerLabel === null || row.formerLeftUsd === null
        ? null
        : {
            label: row.formerLabel,
            left: moneyViewOfDecimal(row.formerLeftUsd),
            until: row.formerUntil?.toISOString() ?? null,
          },
    isReplacement: row.isReplacement,
    key: row.keyLabel === null ? null : keyViewOf(ctx, row, row.keyLabel),
    nextPollMs: pollAfterMs(
      { ...row, resuming: row.holdLifted },
      progress,
      waiting && {
        peopleAhead: waiting.peopleAhead,
        retryInSeconds: waiting.delay?.retryInSeconds ?? 0,
      },
    ),
    asOf: ctx.now().toISOString(),
  }
}

/** The rule of claim-again.ts as times; staff may allow another key before. */
function againOf(ctx: Ctx, row: Row): ClaimView['claimAgain'] {
  if (row.mayClaimAgain && (row.state === 'ended' || row.state === 'refused'))
    return { from: (row.endedAt ?? row.attendedAt).toISOString(), now: true }
  const from = claimAgainFrom(row)
  return from && { from: from.toISOString(), now: from <= ctx.now() }
}

function keyViewOf(ctx: Ctx, row: Row, label: string): KeyView {
  const limit = nanoFromDecimalString(row.limitUsd)
  // Former keys of this window count, too.
  const used = nanoFromDecimalString(row.windowUsedUsd) + nanoFromDecimalString(row.carryUsd)
  const read = row.usageSyncedAt !== null
  return {
    label,
    revealable: row.revealable,
    unbound:
      row.bound || row.state !== 'ready'
        ? null
        : { since: (row.keySavedAt ?? row.attendedAt).toISOString(), reason: row.bindError },
    budgetFollows: row.budgetFollows,
    limit: moneyView(limit),
    limitReset: row.limitReset,
    used: read ? moneyView(used) : null,
    left: read ? moneyView(used > limit ? 0n : limit - used) : null,
    usedTotal: read ? moneyViewOfDecimal(row.usageUsd) : null,
    usageAsOf: row.usageSyncedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    expiresAt: row.expiresAt.toISOString(),
    allowedModels: row.allowedModels,
    disabled: row.upstreamDisabled || row.disabledByStaff,
    disabledByOrganiser: row.disabledByStaff,
    missingUpstream: row.upstreamMissing,
    hold:
      row.holdId === null || row.heldAt === null || row.holdPerMinuteUsd === null
        ? null
        : {
            id: row.holdId,
            state: row.holdLifted ? 'resuming' : 'held',
            perMinute: moneyViewOfDecimal(row.holdPerMinuteUsd),
            heldAt: row.heldAt.toISOString(),
            quietMinutes: quietMinutes(
              ctx.workshops.workshops.get(row.workshopSlug)?.pauseOnRunawayMinutes ?? 0,
            ),
          },
  }
}
