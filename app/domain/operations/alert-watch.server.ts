/**
 * Judges and tells, in workers and in web alike, so that somebody is told when no worker is left. A
 * lock and a row let one of all processes do it, every fifteen seconds or so.
 */
import type { Ctx } from '../ctx'
import { staffAudience } from '../alerts/alert'
import { trackConditions } from '../alerts/track.server'
import { moneyView } from '../money-view'
import { workerSeen } from '../worker-seen.server'
import { conditionsOf, type OpenWorkshop } from './alert-kinds'
import { readJudgement, type Judgement } from './judgement.server'

export const watchSeconds = 15
/** Judged so lately, it is another process's turn that this one would repeat. */
const freshSeconds = 10

/** True where this process judged. */
export async function watchAlerts(ctx: Ctx): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const [lock] = await tx.$queryRaw<{ held: boolean }[]>`
      select pg_try_advisory_xact_lock(hashtextextended('alerts', 0)) as held`
    if (!lock?.held) return false
    const judged = await tx.$executeRaw`
      insert into keymint.alert_watches (audience, judged_at) values (${staffAudience}, keymint.now())
      on conflict (audience) do update set judged_at = excluded.judged_at
        where alert_watches.judged_at <= keymint.now() - make_interval(secs => ${freshSeconds}::int)`
    if (judged === 0) return false
    const judgement = await readJudgement(ctx)
    await trackConditions(
      ctx,
      tx,
      { name: staffAudience, recipients: ctx.alerts.staff },
      conditionsOf(findingsOf(judgement), openWorkshops(ctx, judgement)),
    )
    return true
  })
}

const findingsOf = ({ system, workshops }: Judgement) => [
  ...system.reasons,
  ...workshops.flatMap((workshop) => workshop.health.reasons),
]

function openWorkshops(ctx: Ctx, { workshops }: Judgement): OpenWorkshop[] {
  return workshops.flatMap(({ slug, title, window, counters }) => {
    const file = ctx.workshops.workshops.get(slug)
    if (window !== 'open' || !file) return []
    return [
      {
        slug,
        title,
        openSeconds: (ctx.now().getTime() - (file.claimsOpenAt?.getTime() ?? 0)) / 1000,
        closesAt: file.claimsCloseAt?.toISOString() ?? null,
        seats: file.maxKeys,
        pool: file.poolLimit === null ? null : moneyView(file.poolLimit),
        withKey: counters.ready,
        total: counters.ready + counters.pending + counters.refused,
      },
    ]
  })
}

/** Whether any worker runs that would deliver. */
export async function isAnyWorkerSeen(ctx: Pick<Ctx, 'db'>): Promise<boolean> {
  const [row] = await ctx.db.$queryRaw<{ seen: boolean }[]>`
    select exists (select 1 from keymint.workers where ${workerSeen}) as seen`
  return row?.seen ?? false
}
