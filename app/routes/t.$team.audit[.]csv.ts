import { exportTeamAudit } from '~/domain/team/audit-view.server'
import { handler } from '~/web/handler.server'
import { auditFilterOf } from '~/web/team-audit'
import { requireOwner } from '~/web/team.server'

/** The audit trail as a file. */
export const loader = handler(async (args) => {
  const { team } = await requireOwner(args)
  const csv = await exportTeamAudit(args.ctx, team.slug, auditFilterOf(args.request))
  return new Response(csv, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="audit-${team.slug}.csv"`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  })
})
