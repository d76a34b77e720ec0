/**
 * One poll of a claim: a few bytes, and a query of its own. While a key is being made it reads the
 * mint and what is in its way; afterwards the claim alone. How long recent mints took is the same
 * for everybody, and is read once a second at most.
 */
import type { Db } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { deploymentAccount } from '../keys/accounts.server'
import { workerSeen } from '../worker-seen.server'
import { announcementsVersion, readAnnouncements } from '../workshop/announcements.server'
import {
  delayOf,
  hasExpired,
  pollAfterMs,
  progressOf,
  type Owner,
  type WaitingFacts,
} from './claim-view.server'
import { unboundRevealSeconds } from './reveal.server'
import type { ClaimPulse } from './view-types'
import { currentStep, estimateSeconds } from './waiting'

type Row = WaitingFacts & {
  generation: number
  expiresAt: Date
  limitUsd: string
  bound: boolean
  revealable: boolean
  usageSyncedAt: Date | null
  upstreamDisabled: boolean
  disabledByStaff: boolean
  budgetFollows: boolean
  replacing: string | null
  formerLabel: string | null
  /** The last request for a higher limit: the beginning of its id, and its state. */
  request: string | null
  /** It is said that the seat of this unused key goes to the line. */
  noticed: boolean
  /** The last hold of its key: the beginning of its id, and whether it was let go on. */
  hold: string | null
  taken: boolean
  ahead: number
  slots: number
}

/** The claim of this person in this workshop, or null when there is none. */
export async function findClaimPulse(ctx: Ctx, owner: Owner): Promise<ClaimPulse | null> {
  const found = await readPulse(ctx, owner)
  if (!found) return null
  const row: Row = hasExpired(ctx, found) ? { ...found, state: 'ended', revealable: false } : found
  const pending = row.state === 'pending'
  const delay = delayOf(ctx, row)
  const progress = progressOf(ctx, row)
  const step = currentStep(progress)
  const eta = pending ? estimateSeconds(row.ahead, await recentSeconds(ctx), row.slots) : null
  const facts = [
    row.state,
    row.generation,
    step,
    row.bound,
    row.revealable,
    delay?.reason ?? '',
    pending ? row.slots > 0 : '',
    row.usageSyncedAt?.getTime() ?? 0,
    row.upstreamDisabled,
    row.disabledByStaff,
    row.replacing ?? '',
    row.limitUsd,
    row.budgetFollows,
    row.formerLabel ?? '',
    row.request ?? '',
    row.noticed ? 'unused' : '',
    row.hold ?? '',
    announcementsVersion(await readAnnouncements(ctx, owner.workshopSlug)),
  ]
  const resuming = row.state === 'ready' && row.upstreamDisabled && !!row.hold?.endsWith('on')
  const waiting = pending
    ? { peopleAhead: row.ahead, retryInSeconds: delay?.retryInSeconds ?? 0 }
    : null
  return {
    v: facts.join('.'),
    step,
    ahead: row.ahead,
    eta: eta ? [eta.from, eta.to] : null,
    delay: delay?.retryInSeconds ?? null,
    next: withRequest(
      pollAfterMs({ ...row, resuming }, progress, waiting),
      row.request?.endsWith('open') ?? false,
    ),
  }
}

const openRequestMs = 10_000

/** Somebody who waits for an answer of staff is told soon. */
export const withRequest = (next: number | null, isOpen: boolean): number | null =>
  next !== null && isOpen ? Math.min(next, openRequestMs) : next

async function readPulse(ctx: Ctx, { workshopSlug, userId }: Owner): Promise<Row | null> {
  const asksForMore = ctx.workshops.workshops.get(workshopSlug)?.askForMore ?? false
  const [row] = await ctx.db.$queryRaw<Row[]>`
    select c.generation, c.state, c.expires_at as "expiresAt", c.limit_usd::text as "limitUsd",
      c.guardrail_attached_at is not null as bound,
      c.state = 'ready' and (c.guardrail_attached_at is not null
        or c.key_saved_at <= now() - make_interval(secs => ${unboundRevealSeconds}::int)) as revealable,
      c.usage_synced_at as "usageSyncedAt", c.upstream_disabled as "upstreamDisabled",
      c.disabled_at is not null as "disabledByStaff",
      c.state = 'ready' and c.generation > 1 and coalesce(c.limit_now_usd, c.limit_usd) < c.limit_usd
        and exists (select 1 from keymint.keys f where f.holder_kind = 'claim' and f.holder_id = c.claim_id
          and f.generation < c.generation and f.saved_at is not null and f.settled_at is null
          and f.stable_at is null and (f.off_replaced_at is not null or f.off_ended_at is not null))
        as "budgetFollows",
      case when c.state = 'ready' then (select b.kind from keymint.bulk_action_items i
        join keymint.bulk_actions b on b.id = i.bulk_id
        where i.subject = 'claim:' || c.claim_id and i.state = 'pending'
          and b.kind in ('claim.re-issue', 'claim.extend') limit 1) end as replacing,
      case when c.generation > 1 and c.state in ('pending', 'ready') then (
        select f.label from keymint.keys f where f.holder_kind = 'claim' and f.holder_id = c.claim_id
          and f.generation = c.generation - 1 and f.without_reset and f.off_replaced_at is null
          and f.off_ended_at is null and f.grace_until > ${ctx.now()}) end as "formerLabel",
      case when ${asksForMore}::boolean then (select left(r.id::text, 8) || r.state
        from keymint.limit_requests r where r.claim_id = c.claim_id order by r.asked_at desc, r.id limit 1)
        end as request,
      exists (select 1 from keymint.release_notices n where n.claim_id = c.claim_id
        and n.generation = c.generation and n.kept_at is null and c.revealed_at is null) as noticed,
      (select left(h.id::text, 4) || case when h.lifted_at is null then 'held' else 'on' end
        from keymint.runaway_holds h where h.claim_id = c.claim_id and h.generation = c.generation
        order by h.held_at desc limit 1) as hold,
      m.taken_at is not null as taken, coalesce(m.attempts, 0) as attempts, m.delay_reason as "mintReason",
      ceil(extract(epoch from m.not_before - now()))::int as "mintWaitSeconds",
      exists (select 1 from keymint.mint_attempts a where a.mint_id = m.id and a.state = 'sent') as calling,
      ceil(extract(epoch from gate.cooldown_until - now()))::int as "gateWaitSeconds",
      gate.reason as "gateReason", g.paused_at as "pausedAt", g.pause_reason as "pausedReason",
      case when m.id is null then 0 else (select count(*) from keymint.mints w where w.state = 'pending'
        and w.account = ${deploymentAccount}::uuid and w.holder_kind <> 'spare'
        and (w.queued_at, w.id) < (m.queued_at, m.id)) end::int as ahead,
      case when c.state = 'pending' then (select coalesce(sum(slots), 0) from keymint.workers
        where ${workerSeen}) else 0 end::int as slots
    from keymint.workshop_attendance c
    left join keymint.mints m on c.state = 'pending' and m.holder_kind = 'claim' and m.holder_id = c.claim_id
      and m.generation = c.generation
    left join keymint.minting g on c.state = 'pending'
    left join keymint.accounts gate on c.state = 'pending' and gate.id = ${deploymentAccount}::uuid
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug}`
  return row ?? null
}

const recentForMs = 1_000
const recent = new WeakMap<Db, { until: number; seconds: Promise<number[]> }>()

/** How long the last thirty mints took; an estimate need not be newer than a second. */
function recentSeconds(ctx: Ctx): Promise<number[]> {
  const known = recent.get(ctx.db)
  if (known && known.until > performance.now()) return known.seconds
  const seconds = ctx.db.$queryRaw<{ seconds: number }[]>`
    select extract(epoch from d.done_at - d.taken_at)::float8 as seconds from keymint.mints d
    where d.state = 'done' and d.account = ${deploymentAccount}::uuid and d.done_at > now() - interval '30 min'
      and d.taken_at is not null order by d.done_at desc limit 30`.then((rows) =>
    rows.map((row) => row.seconds),
  )
  recent.set(ctx.db, { until: performance.now() + recentForMs, seconds })
  // One that failed is asked for again by the next poll.
  seconds.catch(() => recent.delete(ctx.db))
  return seconds
}
