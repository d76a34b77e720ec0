/**
 * Judges all teams once a minute, in whichever worker comes first, and tells what is new. Teams in
 * which nothing has changed cost no transaction: what holds is compared with what was told.
 */
import {
  teamAudience,
  teamOfAudience,
  type AlertSeverity,
  type Audience,
  type Condition,
} from '../alerts/alert'
import { listLive, listTold, type LiveAlert } from '../alerts/live.server'
import { trackConditions } from '../alerts/track.server'
import type { Ctx } from '../ctx'
import { monthOf } from '../money/month'
import { readCauses } from './notice-causes.server'
import { readHooks } from './notice-hooks.server'
import { hookAddress, userAddress } from './notice-reach.server'
import { readReaders } from './notice-readers.server'
import { isEndTold, isForReader, type TeamFacts } from './notices'

/** The name of the row that says when teams were judged. */
const turn = 'teams'
const freshSeconds = 50

/** Their number in which something was new; null where it is another process's turn. */
export async function watchTeams(ctx: Ctx): Promise<number | null> {
  const mine = await ctx.db.$executeRaw`
    insert into keymint.alert_watches (audience, judged_at) values (${turn}, keymint.now())
    on conflict (audience) do update set judged_at = excluded.judged_at
      where alert_watches.judged_at <= keymint.now() - make_interval(secs => ${freshSeconds}::int)`
  if (mine === 0) return null
  const [causes, live] = await Promise.all([readCauses(ctx), listLive(ctx, teamAudience(''))])
  const holding = new Map<string, Condition[]>()
  for (const { teamId, condition } of causes)
    holding.set(teamId, [...(holding.get(teamId) ?? []), condition])
  const told = new Map<string, LiveAlert[]>()
  for (const alert of live) {
    const teamId = teamOfAudience(alert.audience)
    if (teamId !== null) told.set(teamId, [...(told.get(teamId) ?? []), alert])
  }
  let changed = 0
  for (const teamId of new Set([...holding.keys(), ...told.keys()])) {
    const conditions = holding.get(teamId) ?? []
    const alerts = told.get(teamId) ?? []
    if (isSame(conditions, alerts)) continue
    // One team that cannot be judged keeps no other one from being told.
    try {
      if (await tellTeam(ctx, teamId, conditions, alerts)) changed++
    } catch (error) {
      ctx.log.error({ error, team: teamId }, 'a team could not be told')
    }
  }
  return changed
}

const severities: AlertSeverity[] = ['ok', 'warning', 'error']
const keyOf = ({ kind, subject }: { kind: string; subject: string }) => `${kind} ${subject}`

/** Whether all that holds is open as it is, and nothing else is. */
function isSame(conditions: Condition[], live: LiveAlert[]): boolean {
  if (conditions.length !== live.length) return false
  const rows = new Map(live.map((row) => [keyOf(row), row]))
  return conditions.every((one) => {
    const row = rows.get(keyOf(one))
    return (
      row !== undefined &&
      row.state === 'open' &&
      row.goneAt === null &&
      row.rank >= one.rank &&
      severities.indexOf(row.severity) >= severities.indexOf(one.severity)
    )
  })
}

/** False where all that is new was told before. */
async function tellTeam(
  ctx: Ctx,
  teamId: string,
  conditions: Condition[],
  live: LiveAlert[],
): Promise<boolean> {
  const audience = teamAudience(teamId)
  const told = await listTold(
    ctx,
    audience,
    conditions.filter(({ kind }) => isToldOnce(kind)),
  )
  const passed = new Map(told.map((row) => [keyOf(row), row.rank]))
  const open = new Set(live.map(keyOf))
  const fresh = conditions.filter(
    (one) => open.has(keyOf(one)) || one.rank > (passed.get(keyOf(one)) ?? 0),
  )
  if (isSame(fresh, live)) return false
  const recipients = await recipientsOf(ctx, teamId)
  await ctx.db.$transaction((tx) => trackConditions(ctx, tx, { name: audience, recipients }, fresh))
  return true
}

/** Their subjects name a month, a request or an end: each threshold of one is told a single time. */
const isToldOnce = (kind: string) => kind !== 'credential'

/** Who is told, as of now: active members by their choices, and the team's webhooks. */
async function recipientsOf(ctx: Ctx, teamId: string): Promise<Audience['recipients']> {
  const [readers, hooks] = await Promise.all([
    ctx.mailer === null ? [] : readReaders(ctx.db, teamId),
    readHooks(ctx.db, teamId),
  ])
  const month = monthOf(ctx.now())
  const working = hooks.filter(({ ended }) => !ended)
  return (event, notice) => {
    const facts = notice.facts as TeamFacts
    if (event === 'resolved' && !isEndTold(facts, month)) return []
    return [
      ...working.map(({ id, channel }) => ({ channel, address: hookAddress(id) })),
      ...readers
        .filter((reader) => reader.hasAddress && isForReader(facts, reader))
        .map(({ userId }) => ({ channel: 'mail' as const, address: userAddress(userId) })),
    ]
  }
}
