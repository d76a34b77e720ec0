/** The judgements about money that alerts and health share. Pure. */
import type { NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { firstClaimAt, worstCaseSpend } from '../workshop/worst-case'
import { windowState } from '../workshop/workshop'

const nearlyCommittedPercent = 80n
const soonMs = 24 * 3_600_000

/** From 80 % on staff are told; a pool that is passed is worse and told apart. */
export const isPoolNearlyCommitted = (committed: NanoUsd, limit: NanoUsd | null): boolean =>
  limit !== null &&
  limit > 0n &&
  committed <= limit &&
  committed * 100n >= limit * nearlyCommittedPercent

/** What keys have used of it, not what is held for them: attendees are told. */
export const isPoolNearlySpent = (spent: NanoUsd, limit: NanoUsd | null): boolean =>
  limit !== null && limit > 0n && spent * 100n >= limit * nearlyCommittedPercent

export const isPoolPassed = (committed: NanoUsd, limit: NanoUsd | null): boolean =>
  limit !== null && committed > limit

export type CreditsAhead = {
  /** What keys given out may still spend. */
  promised: NanoUsd
  /** What the workshops that are open, or open within a day, may still commit to new keys. */
  claimable: NanoUsd
}

/** From kept rows: what each pool has committed, and what its keys have used. */
export function creditsAhead(
  ctx: Pick<Ctx, 'now' | 'workshops'>,
  committed: ReadonlyMap<string, NanoUsd>,
  spentOf: (slug: string) => NanoUsd,
  ended: ReadonlySet<string>,
): CreditsAhead {
  const now = ctx.now()
  const soon = new Date(now.getTime() + soonMs)
  let [promised, claimable] = [0n, 0n]
  for (const [slug, amount] of committed) promised += positive(amount - spentOf(slug))
  for (const workshop of ctx.workshops.workshops.values()) {
    if (ended.has(workshop.slug)) continue
    if (windowState(workshop, now) !== 'open' && windowState(workshop, soon) !== 'open') continue
    const already = committed.get(workshop.slug) ?? 0n
    claimable += positive(
      (worstCaseSpend(workshop, firstClaimAt(workshop, now)) ?? already) - already,
    )
  }
  return { promised, claimable }
}

export type CreditsLow = 'none' | 'below-promised' | 'below-half' | 'below-claimable'

/** Null while the credits cover both. For now and, by the readiness check, for the week ahead. */
export function judgeCredits(
  left: NanoUsd,
  { promised, claimable }: CreditsAhead,
): { level: CreditsLow; severity: 'error' | 'warning' } | null {
  const ahead = promised + claimable
  if (left <= 0n) return { level: 'none', severity: ahead > 0n ? 'error' : 'warning' }
  if (left < promised) return { level: 'below-promised', severity: 'error' }
  if (left * 2n < ahead) return { level: 'below-half', severity: 'error' }
  if (left < ahead) return { level: 'below-claimable', severity: 'warning' }
  return null
}

const positive = (amount: NanoUsd) => (amount < 0n ? 0n : amount)
