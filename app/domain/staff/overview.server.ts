/**
 * What staff see first: every workshop and the system, each in one line. Counts nothing: counters
 * are kept, and the rest is the first entry of an index.
 */
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import { findAccountReading } from '../keys/account-reading.server'
import { formatProblem } from '../workshop/problem'
import { sumCounters, type Counters } from '../operations/counters.server'
import { rateMinutes, type Finding, type Health } from '../operations/judgement'
import {
  readJudgement,
  type Headline,
  type JudgedWorkshop,
  type Judgement,
} from '../operations/judgement.server'
import { lastsUntil, moneySums, type MoneySums } from '../operations/money-sums'
import { creditsAhead } from '../operations/money-judgement'

export type WorkshopLine = {
  slug: string
  title: string
  kind: 'workshop' | 'giveaway'
  /** Of the file: times are shown in it first. */
  timezone: string
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
  seats: { taken: number; max: number | null }
  money: MoneySums
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
  credits: { left: MoneyView | null; lastsUntil: string | null; asOf: string | null }
  /** Of all workshops that are open, or open within a day. */
  money: { spent: MoneyView; maySpend: MoneyView; left: MoneyView }
  counts: {
    total: number
    pending: number
    ready: number
    ended: number
    refused: number
    unbound: number
    active: number
  }
}

export type Overview = {
  headline: Headline
  banners: Finding[]
  system: SystemLine
  workshops: WorkshopLine[]
  fileProblems: string[]
  asOf: string
}

/**
 * The whole page. Open workshops first, then those that need somebody, then coming and closed ones.
 */
export async function readOverview(ctx: Ctx): Promise<Overview> {
  const [judgement, account] = await Promise.all([readJudgement(ctx), findAccountReading(ctx)])
  const { engine, workshops } = judgement
  const all = sumCounters(workshops.map((one) => one.counters))
  const oldest = Math.max(-1, ...workshops.map((one) => one.oldestWaitSeconds ?? -1))
  const ahead = creditsAhead(
    ctx,
    new Map(workshops.map((one) => [one.slug, one.committed])),
    (slug) => workshops.find((one) => one.slug === slug)?.counters.spent ?? 0n,
    new Set(workshops.filter((one) => one.ended).map((one) => one.slug)),
  )
  const left = account.creditsLeft
  const hourly = workshops.reduce((sum, one) => sum + one.hourly, 0n)
  const seen = engine.workers.filter((worker) => worker.seen)
  return {
    headline: judgement.headline,
    banners: judgement.banners,
    system: {
      health: judgement.system,
      workers: {
        seen: seen.length,
        slots: seen.reduce((sum, worker) => sum + worker.slots, 0),
        lastSeenSecondsAgo: engine.workerSeenSecondsAgo,
      },
      oldestWaitSeconds: oldest < 0 ? null : oldest,
      waiting: all.pending,
      calls: { ...engine.calls, minutes: rateMinutes },
      credits: {
        left: left === null ? null : moneyView(left),
        lastsUntil: left === null ? null : lastsUntil(left, hourly, ctx.now()),
        asOf: account.readAt?.toISOString() ?? null,
      },
      money: {
        spent: moneyView(all.spent),
        maySpend: moneyView(ahead.promised),
        left: moneyView(ahead.claimable),
      },
      counts: countsOf(all),
    },
    workshops: workshops.map((one) => lineOf(ctx, one)).sort(byUrgency),
    fileProblems: ctx.workshops.problems.map(formatProblem),
    asOf: ctx.now().toISOString(),
  }
}

/** One workshop's line and its counters, or null where there is neither a file nor a claim. */
export async function readWorkshopLine(
  ctx: Ctx,
  slug: string,
): Promise<{ line: WorkshopLine; counters: Counters; judgement: Judgement } | null> {
  const judgement = await readJudgement(ctx)
  const judged = judgement.workshops.find((one) => one.slug === slug)
  if (
    !judged ||
    (!ctx.workshops.workshops.has(slug) &&
      !ctx.workshops.broken.has(slug) &&
      judged.counters.total === 0)
  )
    return null
  return { line: lineOf(ctx, judged), counters: judged.counters, judgement }
}

function lineOf(ctx: Ctx, judged: JudgedWorkshop): WorkshopLine {
  const { slug, title, window, ended, counters, committed, seats, health } = judged
  const workshop = ctx.workshops.workshops.get(slug)
  return {
    slug,
    title,
    kind: workshop?.kind ?? 'workshop',
    timezone: workshop?.timezone ?? 'UTC',
    window,
    opensAt: workshop?.claimsOpenAt?.toISOString() ?? null,
    closesAt: workshop?.claimsCloseAt?.toISOString() ?? null,
    ended: ended && { at: ended.at.toISOString(), reason: ended.reason },
    counts: countsOf(counters),
    seats: { taken: seats, max: workshop?.maxKeys ?? null },
    money: moneySums({
      workshop: workshop && window !== 'closed' ? workshop : null,
      committed,
      spent: counters.spent,
      seats,
      hourly: judged.hourly,
      now: ctx.now(),
    }),
    oldestWaitSeconds: judged.oldestWaitSeconds,
    problems: ctx.workshops.broken.has(slug)
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
    health,
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
