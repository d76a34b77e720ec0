import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { AdminAlerts } from '~/components/staff/admin-alerts'
import { AdminShell } from '~/components/staff/admin-shell'
import { ChartRow } from '~/components/base/chart'
import { SystemPanel, WorkshopLines } from '~/components/staff/overview'
import { EmptyState } from '~/components/base/page-shell'
import { Time } from '~/components/base/time'
import { readActivity } from '~/domain/staff/series.server'
import { readOverview } from '~/domain/staff/overview.server'
import { readAlerts } from '~/domain/operations/alerts.server'
import { adminUrl, adminWorkshopUrl } from '~/urls'
import { readSpan, spanLinks } from '~/web/chart-spans'
import { activityCharts } from '~/web/charts.server'
import { handler } from '~/web/handler.server'
import { requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  await requireStaff({ request, ctx, auth })
  const params = new URL(request.url).searchParams
  const [overview, alerts, activity] = await Promise.all([
    readOverview(ctx),
    readAlerts(ctx),
    readActivity(ctx, null, readSpan(params)),
  ])
  return { overview, alerts, charts: activityCharts(activity), spans: spanLinks(adminUrl, params) }
})

export const meta: MetaFunction = () => [{ title: 'Overview · Admin · Keymint' }]

export default function AdminOverview() {
  const { overview, alerts, charts, spans } = useLoaderData<typeof loader>()
  const { system, workshops, fileProblems, asOf } = overview
  const open = workshops.filter((line) => line.window === 'open').length
  const title =
    system.health.severity === 'error'
      ? 'The system needs action'
      : workshops.some((line) => line.health.severity === 'error')
        ? 'A workshop needs action'
        : system.health.severity === 'warning'
          ? 'The system needs attention'
          : open > 0
            ? `${open} ${open === 1 ? 'workshop is' : 'workshops are'} open`
            : 'No workshop is open'
  return (
    <AdminShell
      title={title}
      lead={
        <>
          As of <Time iso={asOf} now={asOf} />.{' '}
          <a className="prose-link" href={adminUrl}>
            Reload
          </a>
        </>
      }
    >
      <AdminAlerts alerts={alerts} asOf={asOf} />
      <SystemPanel system={system} fileProblems={fileProblems} asOf={asOf} />
      <section aria-labelledby="workshops" className="mt-10 border-t border-rule pt-6">
        <h2 id="workshops" className="text-head">
          Workshops
        </h2>
        {workshops.length === 0 ? (
          <div className="mt-4">
            <EmptyState title="No workshops yet">
              <p>Add a file to the workshops folder and deploy.</p>
            </EmptyState>
          </div>
        ) : (
          <WorkshopLines
            workshops={workshops.map((line) => ({ line, href: adminWorkshopUrl(line.slug) }))}
            asOf={asOf}
          />
        )}
      </section>
      <ChartRow charts={charts} spans={spans} headingId="activity" />
    </AdminShell>
  )
}
