/** The audit trail of one team: the audit_events of its scope, in order. */
import { auditKinds } from './audit-kinds'
import type { Ctx } from '../ctx'
import { teamScope } from '../money/member-lock.server'

export type TeamAuditFilter = {
  /** First part of an action: "sub-key", "budget". */
  about: string | null
  /** Id of the person who did it. */
  by: string | null
  /** Only events older than this id. */
  before: string | null
}
export type TeamAuditRow = {
  id: string
  at: string
  actor: string
  action: string
  subject: string
  details: [name: string, value: string][]
}
export type TeamAuditPage = {
  rows: TeamAuditRow[]
  /** The id to ask for older events with; null on the last page. */
  older: string | null
}

const pageSize = 100

/** Newest first, 100 at a time, with the names of people and the purposes of keys. */
export async function listTeamAudit(
  ctx: Ctx,
  slug: string,
  filter: TeamAuditFilter,
): Promise<TeamAuditPage> {
  const rows = await readEvents(ctx, slug, filter, pageSize + 1)
  return {
    rows: rows.slice(0, pageSize),
    older: rows.length > pageSize ? (rows[pageSize - 1]?.id ?? null) : null,
  }
}

const maxExported = 50_000

/** The newest 50,000 events that match the filter, as rows. */
export async function exportTeamAudit(
  ctx: Ctx,
  slug: string,
  filter: TeamAuditFilter,
): Promise<TeamAuditRow[]> {
  return readEvents(ctx, slug, filter, maxExported)
}

async function readEvents(
  ctx: Ctx,
  slug: string,
  { about, by, before }: TeamAuditFilter,
  limit: number,
): Promise<TeamAuditRow[]> {
  const kind = (auditKinds as readonly string[]).includes(about ?? '') ? about! : null
  const olderThan = before !== null && /^\d{1,18}$/.test(before) ? before : null
  type Row = {
    id: bigint
    at: Date
    actor: string
    actorName: string | null
    action: string
    subject: string
    subjectName: string | null
    details: Record<string, unknown>
    fromName: string | null
    toName: string | null
    forName: string | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select e.id, e.at, e.actor, p.display_name as "actorName", e.action, e.subject,
      coalesce(k.purpose, s.display_name, v.label) as "subjectName", e.details,
      f.display_name as "fromName", t.display_name as "toName",
      o.display_name as "forName"
    from (select * from keymint.audit_events e where e.workshop_slug = ${teamScope(slug)}
        and (${kind}::text is null or e.action like ${kind === null ? null : `${kind}.%`}::text)
        and (${by}::text is null or e.actor = ${by === null ? null : `user:${by}`}::text)
        and (${olderThan}::bigint is null or e.id < ${olderThan}::bigint)
      order by e.id desc limit ${limit}::int) e
    -- By their ids, which an index finds: a subject is text.
    left join keymint.attendees p on p.user_id = substring(e.actor from '^user:(.*)$')
    left join keymint.attendees s on s.user_id = substring(e.subject from '^user:(.*)$')
    left join keymint.attendees f on f.user_id = substring(e.details->>'from' from '^user:(.*)$')
    left join keymint.attendees t on t.user_id = substring(e.details->>'to' from '^user:(.*)$')
    left join keymint.attendees o on o.user_id = substring(e.details->>'for' from '^user:(.*)$')
    left join keymint.api_keys k on k.id = substring(e.subject from '^sub-key:([0-9a-f-]{36})$')::uuid
    left join keymint.master_keys v on v.id = substring(e.subject from '^master-key:([0-9a-f-]{36})$')::uuid
    order by e.id desc`
  return rows.map((row) => ({
    id: row.id.toString(),
    at: row.at.toISOString(),
    actor: row.actorName ?? (row.actor === 'worker' ? 'Keymint' : row.actor),
    action: row.action,
    subject: row.subjectName ?? row.subject,
    details: Object.entries({
      ...row.details,
      ...(row.fromName === null ? {} : { from: row.fromName }),
      ...(row.toName === null ? {} : { to: row.toName }),
      ...(row.forName === null ? {} : { for: row.forName }),
    })
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  }))
}
