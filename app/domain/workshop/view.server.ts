/** Workshops as everybody sees them: the file, the clock, and what is taken of the pool. */
import { nanoFromDecimalString } from '~/money'
import type { WorkshopView } from '../claim/view-types'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import { committedFor } from '../pool/committed'
import { readPools, type PoolStanding } from '../pool/pool.server'
import { keyExpiryFor, windowState, type Workshop } from './workshop'

type Gate = { pausedAt: Date | null; pauseReason: string | null } | null

/** Every workshop that can be shown: open ones first, then coming, then closed; each group by its opening. */
export async function listWorkshopViews(ctx: Ctx): Promise<WorkshopView[]> {
  const [pools, gate] = await Promise.all([readPools(ctx.db), ctx.db.mintGate.findFirst()])
  const order = { open: 0, upcoming: 1, closed: 2 }
  return [...ctx.workshops.workshops.values()]
    .map((workshop) => viewOf(ctx, workshop, pools.get(workshop.slug), gate))
    .sort((a, b) => order[a.window] - order[b.window] || (a.opensAt ?? '').localeCompare(b.opensAt ?? '') || a.title.localeCompare(b.title))
}

/** One workshop; `broken` when its file has an error, null when there is no such file. */
export async function findWorkshopView(ctx: Ctx, slug: string): Promise<WorkshopView | { broken: true; slug: string } | null> {
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop) return ctx.workshops.broken.has(slug) ? { broken: true, slug } : null
  const [pools, gate] = await Promise.all([readPools(ctx.db), ctx.db.mintGate.findFirst()])
  return viewOf(ctx, workshop, pools.get(slug), gate)
}

function viewOf(ctx: Ctx, workshop: Workshop, standing: PoolStanding | undefined, gate: Gate): WorkshopView {
  const now = ctx.now()
  // What a key is worth depends on when it is claimed: nobody claims before the doors open.
  const claimedAt = workshop.claimsOpenAt !== null && workshop.claimsOpenAt > now ? workshop.claimsOpenAt : now
  const expiresAt = keyExpiryFor(workshop, claimedAt)
  const committed = nanoFromDecimalString(standing?.committedUsd ?? '0')
  const perKey = committedFor({ keyLimit: workshop.keyLimit, reset: workshop.keyLimitReset, from: claimedAt, expiresAt })
  const taken = standing?.seats ?? 0
  const byMoney = workshop.poolLimit === null || perKey === 0n ? Number.MAX_SAFE_INTEGER : Number(maxBig(0n, workshop.poolLimit - committed) / perKey)
  const bySeats = workshop.maxKeys === null ? Number.MAX_SAFE_INTEGER : Math.max(0, workshop.maxKeys - taken)
  const left = Math.min(byMoney, bySeats)
  return {
    slug: workshop.slug,
    title: workshop.title,
    kind: workshop.kind,
    description: workshop.description,
    venue: workshop.venue,
    timezone: workshop.timezone,
    organizer: workshop.organizer,
    docsUrl: workshop.docsUrl,
    window: windowState(workshop, now),
    opensAt: workshop.claimsOpenAt?.toISOString() ?? null,
    closesAt: workshop.claimsCloseAt?.toISOString() ?? null,
    providers: workshop.providers,
    allowedModels: workshop.allowedModels,
    keyLimit: moneyView(workshop.keyLimit),
    keyLimitReset: workshop.keyLimitReset,
    keyExpiresAt: expiresAt.toISOString(),
    marketingOptIn: workshop.marketingOptIn,
    seats: { total: taken + left, left },
    pool: workshop.poolLimit === null ? null : { limit: moneyView(workshop.poolLimit), committed: moneyView(committed) },
    paused: pausedOf(ctx, gate),
    asOf: now.toISOString(),
  }
}

function pausedOf(ctx: Ctx, gate: Gate): WorkshopView['paused'] {
  if (!ctx.settings.provisioningEnabled) return { reason: 'The operator has switched the making of keys off.', since: null }
  if (gate?.pausedAt) return { reason: gate.pauseReason ?? 'The organiser has paused the making of keys.', since: gate.pausedAt.toISOString() }
  return null
}

const maxBig = (a: bigint, b: bigint) => (a > b ? a : b)
