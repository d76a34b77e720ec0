/** Workshops as everybody sees them: the file, the clock, and what is taken of the pool. */
import { domainToUnicode } from 'node:url'
import { readAllAnnouncements } from './announcements.server'
import type { AnnouncementView, WorkshopView } from './view-types'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import { committedFor } from '../money/committed'
import { claimedOf, readPools, type PoolState } from '../money/pool.server'
import { switchStates, switchTimes, type SwitchRow } from './switches.server'
import { keyExpiryFor, windowState } from './workshop'
import type { Workshop } from '../workshop-file'

type Gates = {
  pausedAt: Date | null
  pauseReason: string | null
  /** Seats that all giveaways together have taken. */
  totalSeats: number
  switches: SwitchRow[]
}
type Snapshots = {
  pools: Map<string, PoolState>
  gates: Gates
  announcements: Map<string, AnnouncementView[]>
  waiting: Map<string, number>
}

/** Of one workshop, or of all. */
async function readSnapshots(ctx: Ctx, slug: string | null = null): Promise<Snapshots> {
  const [pools, gates, announcements, waiting] = await Promise.all([
    readPools(ctx.db, slug),
    readGates(ctx),
    readAllAnnouncements(ctx),
    readWaiting(ctx),
  ])
  return { pools, gates, announcements, waiting }
}

/** What holds up every workshop, in one statement: each page of an attendee asks for it. */
async function readGates({ db }: Ctx): Promise<Gates> {
  const [gates] = await db.$queryRaw<[Gates]>`
    select m.paused_at as "pausedAt", m.pause_reason as "pauseReason",
      coalesce((select seats from keymint.total_seats), 0) as "totalSeats",
      coalesce((select json_agg(json_build_object('name', s.name, 'isOn', s.is_on, 'since', s.since))
        from keymint.switches s), '[]'::json) as switches
    from (values (1)) one left join keymint.minting m on true`
  return gates
}

/** How many wait in line, by workshop. Without a waitlist in any file this reads nothing. */
async function readWaiting(ctx: Ctx): Promise<Map<string, number>> {
  const slugs = [...ctx.workshops.workshops.values()].flatMap(({ slug, waitlist }) =>
    waitlist ? [slug] : [],
  )
  if (slugs.length === 0) return new Map()
  const rows = await ctx.db.$queryRaw<{ slug: string; count: number }[]>`
    select workshop_slug as slug, count(*)::int as count from keymint.waitlist
    where state = 'waiting' and workshop_slug = any(${slugs}) group by workshop_slug`
  return new Map(rows.map(({ slug, count }) => [slug, count]))
}

/**
 * Every listed workshop: open ones first, then coming, then closed; each group by its opening.
 */
export async function listWorkshopViews(ctx: Ctx): Promise<WorkshopView[]> {
  const snapshots = await readSnapshots(ctx)
  const order = { open: 0, upcoming: 1, closed: 2 }
  return [...ctx.workshops.workshops.values()]
    .filter(({ listed }) => listed)
    .map((workshop) => viewOf(ctx, workshop, snapshots))
    .sort(
      (a, b) =>
        order[a.window] - order[b.window] ||
        (a.opensAt ?? '').localeCompare(b.opensAt ?? '') ||
        a.title.localeCompare(b.title),
    )
}

/** One workshop; `broken` when its file has an error, null when there is no such file. */
export async function findWorkshopView(
  ctx: Ctx,
  slug: string,
): Promise<WorkshopView | { broken: true; slug: string } | null> {
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop) return ctx.workshops.broken.has(slug) ? { broken: true, slug } : null
  return viewOf(ctx, workshop, await readSnapshots(ctx, slug))
}

function viewOf(ctx: Ctx, workshop: Workshop, snapshots: Snapshots): WorkshopView {
  const now = ctx.now()
  const snapshot = snapshots.pools.get(workshop.slug)
  // What a key is worth depends on when it is claimed: nobody claims before the window opens.
  const claimedAt =
    workshop.claimsOpenAt !== null && workshop.claimsOpenAt > now ? workshop.claimsOpenAt : now
  const expiresAt = keyExpiryFor(workshop, claimedAt)
  const committed = claimedOf(snapshot)
  const perKey = committedFor({
    keyLimit: workshop.keyLimit,
    reset: workshop.keyLimitReset,
    from: claimedAt,
    expiresAt,
  })
  const taken = snapshot?.seats ?? 0
  const byMoney =
    workshop.poolLimit === null || perKey === 0n
      ? Number.MAX_SAFE_INTEGER
      : Number(maxBig(0n, workshop.poolLimit - committed) / perKey)
  const bySeats =
    workshop.maxKeys === null ? Number.MAX_SAFE_INTEGER : Math.max(0, workshop.maxKeys - taken)
  // With MAX_TOTAL_KEYS off nobody can claim, but the banner says so, not the seats.
  const byTotal =
    workshop.kind === 'giveaway' && ctx.settings.maxTotalKeys > 0
      ? Math.max(0, ctx.settings.maxTotalKeys - snapshots.gates.totalSeats)
      : Number.MAX_SAFE_INTEGER
  const left = Math.min(byMoney, bySeats, byTotal)
  return {
    slug: workshop.slug,
    title: workshop.title,
    kind: workshop.kind,
    description: workshop.description,
    venue: workshop.venue,
    timezone: workshop.timezone,
    organizer: workshop.organizer,
    docsUrl: workshop.docsUrl,
    window: snapshot?.endedAt ? 'closed' : windowState(workshop, now),
    endedAt: snapshot?.endedAt?.toISOString() ?? null,
    opensAt: workshop.claimsOpenAt?.toISOString() ?? null,
    closesAt: workshop.claimsCloseAt?.toISOString() ?? null,
    providers: workshop.providers,
    allowedModels: workshop.allowedModels,
    keyLimit: moneyView(workshop.keyLimit),
    keyLimitReset: workshop.keyLimitReset,
    keyExpiresAt: expiresAt.toISOString(),
    keyExpiryIsRelative: workshop.keyExpiresAt === null,
    marketingOptIn: workshop.marketingOptIn,
    seats: { total: taken + left, left },
    pool:
      workshop.poolLimit === null
        ? null
        : { limit: moneyView(workshop.poolLimit), committed: moneyView(committed) },
    waitlist: workshop.waitlist ? { waiting: snapshots.waiting.get(workshop.slug) ?? 0 } : null,
    paused: pausedOf(ctx, workshop, snapshots),
    repositoryUrl: workshop.repositoryUrl,
    cooldownMs: workshop.cooldownMs,
    minAccountAgeMs: workshop.minAccountAgeMs,
    entry: {
      domains: workshop.allowedDomains.map(domainToUnicode),
      roster: workshop.roster !== null,
      code: workshop.roomCode !== null,
    },
    listed: workshop.listed,
    tools: workshop.tools,
    announcements: snapshots.announcements.get(workshop.slug) ?? [],
    asOf: now.toISOString(),
  }
}

function pausedOf(ctx: Ctx, workshop: Workshop, { gates }: Snapshots): WorkshopView['paused'] {
  const on = switchStates(ctx.settings)
  const since = switchTimes(ctx.settings, gates.switches)
  if (!on.provisioning)
    return {
      cause: 'provisioning-off',
      reason: null,
      since: since.get('provisioning') ?? null,
    }
  if (workshop.kind === 'giveaway' && !on.giveaways)
    return {
      cause: 'giveaways-off',
      reason: null,
      since: since.get('giveaways') ?? null,
    }
  if (gates.pausedAt)
    return {
      cause: 'paused',
      reason: gates.pauseReason,
      since: gates.pausedAt.toISOString(),
    }
  return null
}

const maxBig = (a: bigint, b: bigint) => (a > b ? a : b)
