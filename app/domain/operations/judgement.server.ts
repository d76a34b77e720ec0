/**
 * Reads the facts of every workshop and of the engine, and judges them once. Counts nothing:
 * counters are kept, and the rest is the first entry of an index.
 */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { readTurnedAway } from '../claim/turned-away.server'
import { claimedOf, readPools } from '../money/pool.server'
import { windowState } from '../workshop/workshop'
import { worstCaseSpend } from '../workshop/worst-case'
import { readMoneyFindings } from './alerts.server'
import { readAllCounters, sumCounters, type Counters } from './counters.server'
import { readEngine, type Engine, type EngineCtx } from './engine.server'
import {
  healthOf,
  isBanner,
  judgeEngine,
  judgeWorkshop,
  stalledSeconds,
  worstOf,
  type Finding,
  type Health,
} from './judgement'
import { turnedAwayMinutes } from './judge-turned-away'
import { isPoolPassed } from './money-judgement'
import { readPace } from './pace.server'

export type WindowNow = 'upcoming' | 'open' | 'closed' | null

export type JudgedWorkshop = {
  slug: string
  title: string
  window: WindowNow
  ended: { at: Date; reason: string | null } | null
  counters: Counters
  committed: NanoUsd
  seats: number
  hourly: NanoUsd
  oldestWaitSeconds: number | null
  health: Health
}

export type Headline = {
  /** The worst of what matters; null while all is well. */
  worst: Finding | null
  /** How many more findings are as bad as it. */
  more: number
  calm: { open: { title: string; withKey: number; total: number }[] }
}

export type Judgement = {
  headline: Headline
  /** Engine, files and money of the whole deployment. */
  system: Health
  workshops: JudgedWorkshop[]
  /** What staff should not miss on any page: money, drift, a parked account. */
  banners: Finding[]
  engine: Engine
}

export async function readJudgement(ctx: EngineCtx): Promise<Judgement> {
  const [engine, counters, pools, ends, turnedAway, pace, money] = await Promise.all([
    readEngine(ctx),
    readAllCounters(ctx.db),
    readPools(ctx.db),
    ctx.db.workshopEnd.findMany(),
    readTurnedAway(ctx, turnedAwayMinutes),
    readPace(ctx),
    readMoneyFindings(ctx),
  ])
  const endOf = new Map(ends.map((end) => [end.slug, { at: end.endedAt, reason: end.reason }]))
  const { workshops: files, broken } = ctx.workshops
  const slugs = [...new Set([...files.keys(), ...broken, ...counters.keys(), ...turnedAway.keys()])]
  const waits = await readWaits(ctx, slugs)
  const windowOf = (slug: string): WindowNow => {
    const file = files.get(slug)
    return file ? (endOf.has(slug) ? 'closed' : windowState(file, ctx.now())) : null
  }
  const openWorkshops = slugs.filter((slug) => windowOf(slug) === 'open').length
  const engineFindings = judgeEngine({
    ...engine.facts,
    openWorkshops,
    brokenFiles: broken.size,
    unbounded: [...files.values()]
      .filter(
        (file) => windowOf(file.slug) !== 'closed' && worstCaseSpend(file, ctx.now()) === null,
      )
      .map(({ slug }) => slug),
  })
  const workshops = slugs.map((slug): JudgedWorkshop => {
    const file = files.get(slug)
    const window = windowOf(slug)
    const title = file?.title ?? slug
    const of = counters.get(slug) ?? sumCounters([])
    const pool = pools.get(slug)
    const committed = nanoFromDecimalString(pool?.committedUsd ?? '0')
    const seats = pool?.seats ?? 0
    const wait = waits.get(slug)
    const findings = judgeWorkshop(
      { slug, title },
      {
        ...of,
        broken: broken.has(slug),
        fileGone: !file && !broken.has(slug),
        window,
        seats,
        seatsLeft: file?.maxKeys == null ? null : Math.max(0, file.maxKeys - seats),
        poolPassed: file?.poolLimit != null && isPoolPassed(committed, file.poolLimit),
        oldestWaitSeconds: wait?.oldest ?? null,
        delayReason: wait?.delayReason ?? null,
        keyLately: wait?.keyLately ?? false,
        refusedReason: wait?.refusedReason ?? null,
        refusedDetail: wait?.refusedDetail ?? null,
        bindError: wait?.bindError ?? null,
        unboundSeconds: wait?.unboundSeconds ?? null,
        turnedAway: turnedAway.get(slug) ?? [],
      },
      engineFindings,
    )
    return {
      slug,
      title,
      window,
      ended: endOf.get(slug) ?? null,
      counters: of,
      committed: claimedOf(pool),
      seats,
      hourly: pace.get(slug) ?? 0n,
      oldestWaitSeconds: wait?.oldest ?? null,
      health: healthOf([...findings, ...money.filter((one) => one.workshop?.slug === slug)]),
    }
  })
  const system = healthOf([...engineFindings, ...money.filter((one) => one.workshop === null)])
  const all = [...system.reasons, ...workshops.flatMap((one) => one.health.reasons)]
  return {
    headline: headlineOf(all, workshops),
    system,
    workshops,
    banners: healthOf(all.filter(isBanner)).reasons,
    engine,
  }
}

/** All that is not as it should be, worst first: what readiness and metrics show. */
export const allFindings = ({ system, workshops }: Judgement): Finding[] =>
  healthOf([...system.reasons, ...workshops.flatMap((one) => one.health.reasons)]).reasons.filter(
    ({ severity }) => severity !== 'ok',
  )

function headlineOf(findings: Finding[], workshops: JudgedWorkshop[]): Headline {
  const worst = worstOf(findings)
  return {
    worst,
    more: worst ? findings.filter((one) => one.severity === worst.severity).length - 1 : 0,
    calm: {
      open: workshops
        .filter((one) => one.window === 'open')
        .map(({ title, counters: { ready, pending, refused } }) => ({
          title,
          withKey: ready,
          total: ready + pending + refused,
        })),
    },
  }
}

/** What the queue page leads with: the worst of what stands in the way of all keys. */
export function engineHealth(engine: Engine): Health {
  return healthOf(judgeEngine({ ...engine.facts, openWorkshops: 0, brokenFiles: 0, unbounded: [] }))
}

type Wait = {
  scope: string
  oldest: number | null
  delayReason: string | null
  keyLately: boolean
  bindError: string | null
  unboundSeconds: number | null
  refusedReason: string | null
  refusedDetail: string | null
}

/**
 * How long the first of each workshop's queue has waited and why, since when its first unbound key
 * is unbound and why, and what the provider said about its newest refused claim.
 */
async function readWaits(ctx: EngineCtx, slugs: string[]): Promise<Map<string, Wait>> {
  const rows = await ctx.db.$queryRaw<Wait[]>`
    select s.scope, extract(epoch from now() - w.queued_at)::float8 as oldest, w.delay_reason as "delayReason",
      u.bind_error as "bindError", extract(epoch from now() - f.key_saved_at)::float8 as "unboundSeconds",
      r.reason as "refusedReason", r.reason_detail as "refusedDetail",
      exists (select 1 from keymint.mints d where d.scope = s.scope and d.state = 'done'
        and d.done_at > now() - make_interval(secs => ${stalledSeconds}::int)) as "keyLately"
    from unnest(${slugs}::text[]) s(scope)
    left join lateral (select queued_at, delay_reason from keymint.mints m where m.scope = s.scope
      and m.state = 'pending' and m.holder_kind <> 'spare' order by queued_at limit 1) w on true
    left join lateral (select bind_error from keymint.workshop_attendance c where c.workshop_slug = s.scope
      and c.state = 'ready' and c.guardrail_attached_at is null order by attended_at desc limit 1) u on true
    left join lateral (select key_saved_at from keymint.workshop_attendance c where c.workshop_slug = s.scope
      and c.state = 'ready' and c.guardrail_attached_at is null order by attended_at limit 1) f on true
    left join lateral (select reason, reason_detail from keymint.workshop_attendance c
      where c.workshop_slug = s.scope and c.state = 'refused' order by attended_at desc limit 1) r on true`
  return new Map(rows.map((row) => [row.scope, row]))
}
