/** The filter of a workshop's claims as a condition, over the aliases c (workshop_attendance) and a (attendees). */
import { Prisma } from '~/adapters/db.server'
import type { ClaimFilter } from './actions'

/** Everything that a person typed is a parameter; `%` and `_` mean themselves. */
export function claimWhere(workshopSlug: string, filter: ClaimFilter): Prisma.Sql {
  const conditions = [Prisma.sql`c.workshop_slug = ${workshopSlug}`]
  if (filter.state) conditions.push(Prisma.sql`c.state = ${filter.state}`)
  if (filter.fact) conditions.push(factSql(filter.fact))
  const text = filter.text?.trim()
  if (text) conditions.push(textSql(text))
  return Prisma.join(conditions, ' and ')
}

function factSql(fact: NonNullable<ClaimFilter['fact']>): Prisma.Sql {
  switch (fact) {
    case 'unbound':
      return Prisma.sql`c.state = 'ready' and c.guardrail_attached_at is null`
    case 'disabled':
      return Prisma.sql`c.state = 'ready' and (c.disabled_at is not null or c.upstream_disabled)`
    case 'missing':
      return Prisma.sql`c.state = 'ready' and c.upstream_missing_at is not null`
    case 'over-limit':
      return Prisma.sql`c.state in ('ready', 'ended') and (c.window_used_usd > c.limit_usd or c.usage_usd > c.committed_usd)`
  }
}

function textSql(text: string): Prisma.Sql {
  const escaped = text.replace(/[\\%_]/g, (sign) => `\\${sign}`)
  const part = `%${escaped}%`
  const start = `${escaped.toLowerCase()}%`
  return Prisma.sql`(a.display_name ilike ${part} or a.email ilike ${part} or c.key_label ilike ${part} or c.or_key_hash like ${start} or c.claim_id::text like ${start})`
}
