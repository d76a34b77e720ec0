/**
 * What this deployment may still cost: the worst case of every upcoming workshop, less what its keys
 * have used, and the keys of workshops that are over.
 */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { firstClaimAt, worstCaseSpend } from '../workshop/worst-case'
import { upcomingWorkshops, type TestedDeployment } from './readiness-check'

export type RemainingWorstCase = {
  total: NanoUsd
  /** Of it, what keys given out may still spend. */
  promised: NanoUsd
  parts: { slug: string; amount: NanoUsd }[]
  /**
   * False when the database could not say what was spent: the total is then the worst case alone.
   */
  spentKnown: boolean
}

export async function readRemainingWorstCase(
  tested: TestedDeployment,
): Promise<RemainingWorstCase> {
  const now = tested.now()
  const spending = await readSpending(tested)
  const parts: RemainingWorstCase['parts'] = []
  const upcoming = upcomingWorkshops(tested)
  for (const workshop of upcoming) {
    const worst = worstCaseSpend(workshop, firstClaimAt(workshop, now))
    // One without a bound is in no total: the judgement names it.
    // A pool that was lowered in the file still owes what was committed before.
    if (worst !== null)
      parts.push({
        slug: workshop.slug,
        amount: positive(
          larger(worst, spending?.pools.get(workshop.slug)?.committed ?? 0n) -
            (spending?.pools.get(workshop.slug)?.used ?? 0n),
        ),
      })
  }
  const listed = new Set(upcoming.map(({ slug }) => slug))
  for (const [slug, { committed, used }] of spending?.pools ?? [])
    if (!listed.has(slug) && committed > used) parts.push({ slug, amount: committed - used })
  return {
    total: parts.reduce((sum, { amount }) => sum + amount, 0n),
    parts: parts.sort((a, b) => (a.amount < b.amount ? 1 : -1)),
    promised: [...(spending?.pools.values() ?? [])].reduce(
      (sum, { committed, used }) => sum + positive(committed - used),
      0n,
    ),
    spentKnown: spending !== null,
  }
}

type Spending = { pools: Map<string, { committed: NanoUsd; used: NanoUsd }> }

async function readSpending({ db }: TestedDeployment): Promise<Spending | null> {
  if (!db) return null
  try {
    const rows = await db.$queryRaw<{ slug: string; committed: string; used: string }[]>`
      select p.workshop_slug as slug, p.committed_usd::text as committed,
        coalesce(sum(c.usage_usd + c.prior_usage_usd), 0)::text as used
      from keymint.pools p left join keymint.workshop_attendance c on c.workshop_slug = p.workshop_slug
        group by p.workshop_slug`
    return {
      pools: new Map(
        rows.map(({ slug, committed, used }) => [
          slug,
          { committed: nanoFromDecimalString(committed), used: nanoFromDecimalString(used) },
        ]),
      ),
    }
  } catch {
    // The total is then the worst case alone, and says so.
    return null
  }
}

const positive = (amount: NanoUsd) => (amount < 0n ? 0n : amount)
const larger = (a: NanoUsd, b: NanoUsd) => (a > b ? a : b)
