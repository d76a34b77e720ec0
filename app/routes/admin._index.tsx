import type { MetaFunction } from '@remix-run/node'
import { useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AdminAlerts } from '~/components/staff/admin-alerts'
import { AdminShell } from '~/components/staff/admin-shell'
import { ChartRow } from '~/components/base/chart'
import { LiveBar } from '~/components/staff/live-line'
import { SystemPanel, WorkshopLines } from '~/components/staff/overview'
import { EmptyState } from '~/components/base/page-shell'
import { headlineText } from '~/messages/health'
import { readActivity } from '~/domain/staff/series.server'
import { readOverview } from '~/domain/staff/overview.server'
import { adminUrl, adminWorkshopUrl } from '~/urls'
import { readSpan, spanLinks } from '~/web/chart-spans'
import { activityCharts } from '~/web/charts.server'
import { handler } from '~/web/handler.server'
import { readOpenRequests } from '~/web/open-requests.server'
import { requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const params = new URL(request.url).searchParams
  const [overview, requests, activity] = await Promise.all([
    readOverview(ctx),
    readOpenRequests(ctx, viewer),
    readActivity(ctx, null, readSpan(params)),
  ])
  return {
    overview,
    requests,
    charts: activityCharts(activity),
    spans: spanLinks(adminUrl, params),
  }
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: data ? `${headlineText(data.overview.headline)} · Keymint` : 'Overview · Keymint' },
]

export default function AdminOverview() {
  const { overview, requests, charts, spans } = useLoaderData<typeof loader>()
  const { headline, banners, system, workshops, fileProblems, asOf } = overview
  return (
    <AdminShell
      title={headlineText(headline)}
      requests={requests}
      lead={
        headline.more > 0
          ? `${headline.more} more ${headline.more === 1 ? 'thing is' : 'things are'} as bad: see below.`
          : undefined
      }
    >
      <div className="mt-3">
        <LiveBar asOf={asOf} />
      </div>
      <SystemPanel system={system} fileProblems={fileProblems} asOf={asOf} />
      <AdminAlerts alerts={banners} asOf={asOf} />
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
