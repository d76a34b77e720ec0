/**
 * Gauges of the database for a scrape, from counters and small indexes, so that they cost the same
 * at any size.
 */
import type { Gauges } from '~/adapters/metrics.server'
import { nanoFromDecimalString, usdNumberFromNano } from '~/money'
import type { Ctx } from '../ctx'
import type { Finding } from './judgement'
import { allFindings, readJudgement } from './judgement.server'

const timeoutMs = 2_000

/**
 * Sets the gauges of ctx.metrics, or removes the old ones when the database does not answer in two
 * seconds.
 */
export async function refreshGauges(ctx: Ctx): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs)
  })
  const read = readGauges(ctx).catch((error: unknown) => {
    ctx.log.warn({ error }, 'the gauges of the database could not be read')
    return null
  })
  ctx.metrics.setGauges(await Promise.race([read, late]).finally(() => clearTimeout(timer)))
}

async function readGauges(ctx: Ctx): Promise<Gauges> {
  const { db, workshops } = ctx
  type State = Pick<
    Gauges,
    'mintsWaiting' | 'oldestMintSeconds' | 'alertsOpen' | 'alertsWaiting' | 'alertsFailed'
  >
  const [queues, pools, [state], judgement] = await Promise.all([
    // Counted by the workers' supervisor every five seconds.
    db.$queryRaw<Gauges['queues']>`
      select name as queue, coalesce(ready_count, 0)::int as ready,
        coalesce(deferred_count, 0)::int as deferred, coalesce(active_count, 0)::int as active,
        coalesce(failed_count, 0)::int as failed, coalesce(ready_oldest_seconds, 0)::float8 as "oldestSeconds"
          from pgboss.queue where name not like '\\_\\_%'`,
    db.$queryRaw<
      { workshop: string; committed: string; seats: number }[]
    >`select workshop_slug as workshop, committed_usd::text as committed, seats from keymint.pools`,
    db.$queryRaw<State[]>`
      select (select count(*)::int from keymint.mints where state = 'pending'
          and holder_kind <> 'spare') as "mintsWaiting",
        coalesce((select extract(epoch from now() - min(queued_at))::float8 from keymint.mints
          where state = 'pending' and holder_kind <> 'spare'), 0) as "oldestMintSeconds",
        (select count(*)::int from keymint.alerts where state = 'open') as "alertsOpen",
        (select count(*)::int from keymint.alert_deliveries where state = 'waiting') as "alertsWaiting",
        (select count(*)::int from keymint.alert_deliveries where state = 'failed'
          and created_at > keymint.now() - interval '1 day') as "alertsFailed"`,
    readJudgement(ctx),
  ])
  const { facts } = judgement.engine
  return {
    alertsOpen: state?.alertsOpen ?? 0,
    alertsWaiting: state?.alertsWaiting ?? 0,
    alertsFailed: state?.alertsFailed ?? 0,
    mintsWaiting: state?.mintsWaiting ?? 0,
    oldestMintSeconds: state?.oldestMintSeconds ?? 0,
    unboundKeys: judgement.workshops.reduce((sum, one) => sum + one.counters.unbound, 0),
    workers: facts.workersSeen,
    mintingPaused: facts.paused !== null,
    gateClosed: facts.cooling !== null || facts.parked !== null,
    findings: countFindings(allFindings(judgement)),
    queues,
    pools: pools.map(({ workshop, committed, seats }) => {
      const file = workshops.workshops.get(workshop)
      return {
        workshop,
        seats,
        committedUsd: usdNumberFromNano(nanoFromDecimalString(committed)),
        limitUsd: file?.poolLimit == null ? null : usdNumberFromNano(file.poolLimit),
        maxSeats: file?.maxKeys ?? null,
      }
    }),
  }
}

function countFindings(findings: Finding[]): Gauges['findings'] {
  const counts = new Map<string, Gauges['findings'][number]>()
  for (const { code, severity } of findings) {
    const of = counts.get(`${code} ${severity}`) ?? { code, severity, count: 0 }
    counts.set(`${code} ${severity}`, { ...of, count: of.count + 1 })
  }
  return [...counts.values()]
}
