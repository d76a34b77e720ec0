import type { TeamAuditFilter } from '~/domain/team/audit-view.server'

/** The filter of the audit page, as it stands in the URL. */
export function auditFilterOf(request: Request): TeamAuditFilter {
  const query = new URL(request.url).searchParams
  const given = (name: string) => query.get(name)?.slice(0, 200) || undefined
  return { about: given('about'), by: given('by'), before: given('before') }
}
