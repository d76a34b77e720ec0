/** What audiences were told, for whoever judges many of them at once. */
import type { Ctx } from '../ctx'
import type { AlertSeverity, Condition } from './alert'

export type LiveAlert = {
  audience: string
  kind: string
  subject: string
  rank: number
  severity: AlertSeverity
  state: 'pending' | 'open'
  goneAt: Date | null
}

/** What is not resolved, of audiences whose name begins so. */
export function listLive(ctx: Pick<Ctx, 'db'>, prefix: string): Promise<LiveAlert[]> {
  return ctx.db.$queryRaw<LiveAlert[]>`
    select audience, kind, subject, rank, severity, state, gone_at as "goneAt" from keymint.alerts
    where state <> 'resolved' and starts_with(audience, ${prefix})`
}

/** How far each of these got before it was resolved. */
export async function listTold(
  ctx: Pick<Ctx, 'db'>,
  audience: string,
  conditions: Condition[],
): Promise<{ kind: string; subject: string; rank: number }[]> {
  if (conditions.length === 0) return []
  return ctx.db.$queryRaw<{ kind: string; subject: string; rank: number }[]>`
    select a.kind, a.subject, max(a.rank) as rank from keymint.alerts a
      join unnest(${conditions.map(({ kind }) => kind)}::text[], ${conditions.map(({ subject }) => subject)}::text[])
        as one(kind, subject) on one.kind = a.kind and one.subject = a.subject
    where a.audience = ${audience} and a.state = 'resolved' group by 1, 2`
}
