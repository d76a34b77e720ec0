/**
 * What staff see first: every workshop and the system, each in one line. Counts nothing: counters
 * are kept, and the rest is the first entry of an index.
 */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { MoneyView } from '../money-view'
import type { Ctx } from '../ctx'
import { type Counters, readAllCounters, sumCounters } from '../operations/counters.server'
import { moneyView } from '../money-view'
import { worstCaseSpend } from '../workshop/worst-case'
import { readPools } from '../money/pool.server'
import { findAccountReading } from '../keys/account-reading.server'
import { deploymentAccount } from '../keys/accounts.server'
import { formatProblem } from '../workshop/problem'
import { windowState } from '../workshop/workshop'
import { systemHealth, workshopHealth, type Health } from '../operations/health'
import { creditsAhead } from '../operations/money-judgement'
import { workerSeen } from '../worker-seen.server'

/**
 * Money of a workshop for the bar: what was spent, what is held for keys given out, and what is
 * left.
 */
export type PoolView = {
  limit: MoneyView | null
  committed: MoneyView
  spent: MoneyView
  left: MoneyView | null
}

export type WorkshopLine = {
  slug: string
  title: string
  kind: 'workshop' | 'giveaway'
  window: 'upcoming' | 'open' | 'closed' | null
  opensAt: string | null
  closesAt: string | null
  /** When staff ended it before its time, and why. */
  ended: { at: string; reason: string | null } | null
  counts: {
    total: number
    pending: number
    ready: number
    ended: number
    refused: number
    unbound: number
    active: number
  }
  pool: PoolView
  oldestWaitSeconds: number | null
  problems: string[]
  health: Health
}

export type SystemLine = {
  health: Health
  workers: { seen: number; slots: number; lastSeenSecondsAgo: number | null }
  oldestWaitSeconds: number | null
  waiting: number
  calls: { total: number; failed: number; minutes: number }
  credits: { left: MoneyView | null; worstCase: MoneyView | null; asOf: string | null }
  paused: string | null
  counts: {
    total: number
    pending: number
    ready: number
    ended: number
    refused: number
    unbound: number
    active: number
  }
  spent: MoneyView
}

export type Overview = {
  system: SystemLine
  workshops: WorkshopLine[]
  fileProblems: string[]
  asOf: string
}

const callMinutes = 10

type Beat = {
  seen: number
  slots: number
  quiet: number | null
  pausedReason: string | null
  paused: boolean
  cooling: number | null
  coolingReason: string | null
  calls: number
  failed: number
}
type End = { endedAt: Date; reason: string | null }
type Wait = { scope: string; oldest: number | null; bindError: string | null }

/**
 * The whole page. Open workshops first, then those that need somebody, then coming and closed ones.
 */
export async function readOverview(ctx: Ctx): Promise<Overview> {
  const [counters, pools, ends, beat, account] = await Promise.all([
    readAllCounters(ctx.db),
    readPools(ctx.db),
    ctx.db.workshopEnd.findMany(),
    readBeat(ctx),
    findAccountReading(ctx),
  ])
  const endOf = new Map(ends.map((end) => [end.slug, end]))
  const slugs = [
    ...new Set([...ctx.workshops.workshops.keys(), ...ctx.workshops.broken, ...counters.keys()]),
  ]
  const waits = await readWaits(ctx, slugs)
  const none = sumCounters([])
  const workshops = slugs.map((slug) =>
    lineOf(
      ctx,
      slug,
      counters.get(slug) ?? none,
      nanoFromDecimalString(pools.get(slug)?.committedUsd ?? '0'),
      pools.get(slug)?.seats ?? 0,
      waits.get(slug),
      endOf.get(slug) ?? null,
    ),
  )
  const open = workshops.filter((line) => line.window === 'open')
  const worstCase = worstCaseLeft(ctx, counters, new Set(endOf.keys()))
  const all = sumCounters(counters.values())
  const oldest = Math.max(-1, ...[...waits.values()].map((wait) => wait.oldest ?? -1))
  const oldestWaitSeconds = oldest < 0 ? null : oldest
  const paused = beat.paused ? (beat.pausedReason ?? '') : null
  return {
    system: {
      health: systemHealth({
        workersSeen: beat.seen,
        workerSeenSecondsAgo: beat.quiet,
        provisioningEnabled: ctx.settings.provisioningEnabled,
        pausedReason: paused,
        cooling:
          beat.cooling !== null && beat.cooling > 0
            ? { reason: beat.coolingReason ?? 'upstream-trouble', seconds: beat.cooling }
            : null,
        oldestWaitSeconds,
        waiting: all.pending,
        calls: { total: beat.calls, failed: beat.failed, minutes: callMinutes },
        creditsLeft: account.creditsLeft,
        creditsAhead: creditsAhead(
          ctx,
          new Map(
            [...pools].map(([slug, pool]) => [slug, nanoFromDecimalString(pool.committedUsd)]),
          ),
          (slug) => counters.get(slug)?.spent ?? 0n,
          new Set(endOf.keys()),
        ),
        unbounded: worstCase === null,
        openWorkshops: open.length,
        brokenFiles: ctx.workshops.broken.size,
      }),
      workers: { seen: beat.seen, slots: beat.slots, lastSeenSecondsAgo: beat.quiet },
      oldestWaitSeconds,
      waiting: all.pending,
      calls: { total: beat.calls, failed: beat.failed, minutes: callMinutes },
      credits: {
        left: account.creditsLeft === null ? null : moneyView(account.creditsLeft),
        worstCase: worstCase === null ? null : moneyView(worstCase),
        asOf: account.readAt?.toISOString() ?? null,
      },
      paused,
      counts: countsOf(all),
      spent: moneyView(all.spent),
    },
    workshops: workshops.sort(byUrgency),
    fileProblems: ctx.workshops.problems.map(formatProblem),
    asOf: ctx.now().toISOString(),
  }
}

/** One workshop's line, or null where there is neither a file nor a claim. */
export async function readWorkshopLine(
  ctx: Ctx,
  slug: string,
  counters: Counters,
): Promise<WorkshopLine | null> {
  if (!ctx.workshops.workshops.has(slug) && !ctx.workshops.broken.has(slug) && counters.total === 0)
    return null
  const [pool, waits, end] = await Promise.all([
    ctx.db.pool.findUnique({ where: { workshopSlug: slug } }),
    readWaits(ctx, [slug]),
    ctx.db.workshopEnd.findUnique({ where: { slug } }),
  ])
  return lineOf(
    ctx,
    slug,
    counters,
    nanoFromDecimalString(pool?.committedUsd.toFixed(9) ?? '0'),
    pool?.seats ?? 0,
    waits.get(slug),
    end,
  )
}

function lineOf(
  ctx: Ctx,
  slug: string,
  counters: Counters,
  committed: NanoUsd,
  seats: number,
  wait: Wait | undefined,
  end: End | null,
): WorkshopLine {
  const workshop = ctx.workshops.workshops.get(slug)
  const broken = ctx.workshops.broken.has(slug)
  const window = workshop ? (end ? 'closed' : windowState(workshop, ctx.now())) : null
  const limit = workshop?.poolLimit ?? null
  const oldestWaitSeconds = wait?.oldest ?? null
  const seatsLeft = workshop?.maxKeys == null ? null : Math.max(0, workshop.maxKeys - seats)
  return {
    slug,
    title: workshop?.title ?? slug,
    kind: workshop?.kind ?? 'workshop',
    window,
    opensAt: workshop?.claimsOpenAt?.toISOString() ?? null,
    closesAt: workshop?.claimsCloseAt?.toISOString() ?? null,
    ended: end && { at: end.endedAt.toISOString(), reason: end.reason },
    counts: countsOf(counters),
    pool: {
      limit: limit === null ? null : moneyView(limit),
      committed: moneyView(committed),
      spent: moneyView(counters.spent),
      left: limit === null ? null : moneyView(limit - committed),
    },
    oldestWaitSeconds,
    problems: broken
      ? ctx.workshops.problems
          .filter(
            (problem) =>
              problem.file
                .split('/')
                .at(-1)
                ?.replace(/\.ya?ml$/, '') === slug,
          )
          .map(formatProblem)
      : [],
    health: workshopHealth({
      ...counters,
      broken,
      fileGone: !workshop && !broken,
      window,
      bindError: wait?.bindError ?? null,
      committed,
      poolLimit: limit,
      seatsLeft,
      oldestWaitSeconds,
    }),
  }
}

const countsOf = ({ total, pending, ready, ended, refused, unbound, active }: Counters) => ({
  total,
  pending,
  ready,
  ended,
  refused,
  unbound,
  active,
})

/**
 * What open and coming workshops may still cost: their worst case, less what was spent of it
 * already.
 */
function worstCaseLeft(
  ctx: Ctx,
  counters: Map<string, Counters>,
  ended: Set<string>,
): NanoUsd | null {
  let sum = 0n
  for (const workshop of ctx.workshops.workshops.values()) {
    if (ended.has(workshop.slug) || windowState(workshop, ctx.now()) === 'closed') continue
    const worst = worstCaseSpend(workshop, ctx.now())
    if (worst === null) return null
    const spent = counters.get(workshop.slug)?.spent ?? 0n
    sum += worst > spent ? worst - spent : 0n
  }
  return sum
}

async function readBeat(ctx: Ctx): Promise<Beat> {
  const [row] = await ctx.db.$queryRaw<Beat[]>`
    select w.seen, w.slots, w.quiet, pause.paused_at is not null as paused, pause.pause_reason as "pausedReason",
      gate.reason as "coolingReason",
      ceil(extract(epoch from gate.cooldown_until - now()))::int as cooling, calls.total as calls, calls.failed
    from keymint.minting pause, keymint.accounts gate,
      (select count(*) filter (where ${workerSeen})::int as seen,
        coalesce(sum(slots) filter (where ${workerSeen}), 0)::int as slots,
        extract(epoch from now() - max(last_seen_at))::int as quiet from keymint.workers) w,
      (select count(*)::int as total, count(*)
        filter (where state in ('unknown', 'refused', 'condemned'))::int as failed
        from keymint.mint_attempts where sent_at > now() - make_interval(mins => ${callMinutes}::int)) calls
    where gate.id = ${deploymentAccount}::uuid`
  if (!row) throw new Error('minting has no row')
  return row
}

/**
 * How long the first of each workshop's queue has waited, and why its newest unbound key is
 * unbound.
 */
async function readWaits(ctx: Ctx, slugs: string[]): Promise<Map<string, Wait>> {
  const rows = await ctx.db.$queryRaw<Wait[]>`
    select s.scope, extract(epoch from now() - w.queued_at)::float8 as oldest, u.bind_error as "bindError"
    from unnest(${slugs}::text[]) s(scope)
    left join lateral (select queued_at from keymint.mints m where m.scope = s.scope and m.state = 'pending'
      order by queued_at limit 1) w on true
    left join lateral (select bind_error from keymint.workshop_attendance c where c.workshop_slug = s.scope
      and c.state = 'ready' and c.guardrail_attached_at is null order by attended_at desc limit 1) u on true`
  return new Map(rows.map((row) => [row.scope, row]))
}

const windowOrder = { open: 0, upcoming: 2, closed: 3 }
const severityOrder = { error: 0, warning: 1, ok: 2 }

function byUrgency(a: WorkshopLine, b: WorkshopLine): number {
  const place = (line: WorkshopLine) =>
    line.window === 'open'
      ? 0
      : line.health.severity === 'error'
        ? 1
        : line.window === null
          ? 4
          : windowOrder[line.window]
  return (
    place(a) - place(b) ||
    severityOrder[a.health.severity] - severityOrder[b.health.severity] ||
    (b.opensAt ?? '').localeCompare(a.opensAt ?? '') ||
    a.title.localeCompare(b.title)
  )
}
