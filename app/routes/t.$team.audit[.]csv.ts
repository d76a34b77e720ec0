import { exportTeamAudit } from '~/domain/team/audit-view.server'
import { csvDownload } from '~/web/csv.server'
import { handler } from '~/web/handler.server'
import { auditFilterOf } from '~/web/team-audit'
import { requireMoneyRole } from '~/web/team.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

/** The audit trail as a file. */
export const loader = handler(async (args) => {
  const { viewer, team } = await requireMoneyRole(args)
  await requireWithinLimit(args, 'export', viewer)
  const rows = await exportTeamAudit(args.ctx, team.slug, auditFilterOf(args.request))
  return csvDownload(
    `audit-${team.slug}.csv`,
    ['id', 'at_utc', 'actor', 'action', 'subject', 'details'],
    rows.map((row) => [
      row.id,
      row.at,
      row.actor,
      row.action,
      row.subject,
      row.details.map(([name, value]) => `${name}=${value}`).join('; '),
    ]),
  )
})
