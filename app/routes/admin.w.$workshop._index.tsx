import { numberText } from '~/messages/text'
import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { ActBar, actForm } from '~/components/staff/act-bar'
import { AdminShell } from '~/components/staff/admin-shell'
import { BulkList } from '~/components/staff/bulk-progress'
import { ChartRow } from '~/components/base/chart'
import { ClaimFilters, Pager } from '~/components/staff/claim-list'
import { ClaimTable } from '~/components/staff/claim-table'
import { EventZoneProvider } from '~/components/base/time'
import { factLabels, stateTabs } from '~/components/staff/claim-messages'
import { EmptyState } from '~/components/base/page-shell'
import { StockBox } from '~/components/staff/stock-box'
import {
  UnboundCallout,
  WorkshopActions,
  WorkshopSummary,
} from '~/components/staff/workshop-summary'
import { claimFacts, claimStates, listQueryString, readListQuery } from '~/domain/staff/claim-list'
import { countOpenRequests } from '~/domain/claim/access-list.server'
import { readWorkshopPage } from '~/domain/staff/workshop-page.server'
import { readActivity } from '~/domain/staff/series.server'
import {
  adminAccessUrl,
  adminActUrl,
  adminAnnounceUrl,
  adminClaimUrl,
  adminExportUrl,
  adminMintUrl,
  adminReceiptUrl,
  adminRequestsUrl,
  adminUrl,
  adminWorkshopUrl,
  adminWorkUrl,
  wallUrl,
  workshopUrl,
} from '~/urls'
import { readSpan, spanLinks } from '~/web/chart-spans'
import { activityCharts } from '~/web/charts.server'
import { handler, notFound } from '~/web/handler.server'
import { readOpenRequests } from '~/web/open-requests.server'
import { requireWorkshopStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { viewer, mayAct } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const search = new URL(request.url).searchParams
  const query = readListQuery(search)
  const [page, requests, activity, asking] = await Promise.all([
    readWorkshopPage(ctx, slug, query),
    readOpenRequests(ctx, viewer),
    readActivity(ctx, slug, readSpan(search)),
    countOpenRequests(ctx, slug),
  ])
  if (!page) throw notFound()
  // The input of an action may name people: only the page of that action shows it.
  const { work, ...shown } = page
  return {
    slug,
    mayMint: viewer.role === 'admin' && ctx.workshops.workshops.get(slug)?.kind === 'giveaway',
    page: shown,
    work: work.map(({ params: _params, selection: _selection, ...view }) => ({
      view,
      href: adminWorkUrl(slug, view.id),
    })),
    query,
    mayAct,
    asking,
    requests,
    takesRequests: ctx.workshops.workshops.get(slug)?.askForMore ?? false,
    organizers: ctx.workshops.workshops.get(slug)?.organizers ?? [],
    charts: activityCharts(activity),
    spans: spanLinks(adminWorkshopUrl(slug), search),
  }
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Claims: ${data?.page.line.title ?? ''} · Admin · Keymint` },
]

const factCounts = {
  unbound: 'unbound',
  disabled: 'disabled',
  missing: 'missing',
  'over-limit': 'overLimit',
} as const

export default function AdminWorkshop() {
  const data = useLoaderData<typeof loader>()
  const { slug, mayMint, asking, organizers, page, work, query, mayAct, charts, spans } = data
  const { line, list, facts, asOf } = page
  const { filter, sort } = query
  const here = adminWorkshopUrl(slug)
  const text = filter.text ? { text: filter.text } : {}
  const matching = `${list.matching.atLeast ? 'more than ' : ''}${numberText(list.matching.count)}`
  const states = [
    {
      label: 'All',
      count: line.counts.total,
      href: here + listQueryString({ filter: text, sort }),
      current: !filter.state && !filter.fact,
    },
    ...claimStates.map((state) => ({
      label: stateTabs[state],
      count: line.counts[state],
      href: here + listQueryString({ filter: { ...text, state }, sort }),
      current: filter.state === state && !filter.fact,
    })),
  ]
  const factTabs = claimFacts.map((fact) => ({
    label: factLabels[fact],
    count: facts[factCounts[fact]],
    href: here + listQueryString({ filter: { ...text, fact }, sort }),
    current: filter.fact === fact,
  }))
  return (
    <EventZoneProvider value={line.timezone}>
      <AdminShell
        title={line.title}
        back={{ to: adminUrl, label: 'Overview' }}
        requests={data.requests}
      >
        <WorkshopSummary line={line} asOf={asOf} worst={page.worst} />
        {page.stock ? <StockBox stock={page.stock} asOf={asOf} /> : null}
        <p className="mt-4">
          <Link className="prose-link" to={adminAccessUrl(slug)}>
            Who may come in{asking > 0 ? ` (${asking} asking)` : ''}
          </Link>
        </p>
        {mayMint ? (
          <p className="mt-4">
            <Link className="prose-link" to={adminMintUrl(slug)}>
              Create a key for a GitHub account
            </Link>
          </p>
        ) : null}
        {facts.unbound > 0 ? (
          <UnboundCallout
            count={facts.unbound}
            reasons={page.unboundReasons}
            action={mayAct ? adminActUrl(slug) : null}
          />
        ) : null}
        <section aria-labelledby="claims" className="mt-4 border-t border-rule pt-2">
          <h2 id="claims" className="sr-only">
            Claims
          </h2>
          <ClaimFilters
            states={states}
            facts={factTabs}
            query={query}
            resetHref={here}
            searchIndexed={list.searchIndexed}
          />
          <div className="mt-2 flex flex-col gap-2">
            {list.rows.length === 0 ? (
              line.counts.total === 0 ? (
                <EmptyState title="No claims yet">
                  <p>Claims appear here as people make them.</p>
                </EmptyState>
              ) : (
                <EmptyState title="No claim matches">
                  <p>
                    Shorten the search, or view{' '}
                    <a className="prose-link" href={here}>
                      all {numberText(line.counts.total)}
                    </a>
                    .
                  </p>
                </EmptyState>
              )
            ) : (
              <>
                {mayAct ? (
                  <ActBar action={adminActUrl(slug)} filter={filter} matching={matching} />
                ) : null}
                <ClaimTable
                  rows={list.rows}
                  hrefOf={(claimId) => adminClaimUrl(slug, claimId)}
                  select={mayAct ? actForm : null}
                  asOf={asOf}
                />
                <Pager
                  previous={
                    list.previous
                      ? here +
                        listQueryString({
                          filter,
                          sort,
                          cursor: { direction: 'before', at: list.previous },
                        })
                      : null
                  }
                  next={
                    list.next
                      ? here +
                        listQueryString({
                          filter,
                          sort,
                          cursor: { direction: 'after', at: list.next },
                        })
                      : null
                  }
                  label={`${list.rows.length} of ${matching} that match.`}
                />
              </>
            )}
          </div>
        </section>
        <WorkshopActions
          line={line}
          mayAct={mayAct}
          organizers={organizers}
          hrefs={{
            page: workshopUrl(slug),
            export: adminExportUrl(slug) + listQueryString({ filter }),
            receipt: adminReceiptUrl(slug),
            act: adminActUrl(slug),
            wall: wallUrl(slug),
            announce: adminAnnounceUrl(slug),
            requests: data.takesRequests ? adminRequestsUrl(slug) : null,
          }}
        />
        <BulkList bulks={work} asOf={asOf} />
        <ChartRow charts={charts} spans={spans} headingId="activity" />
      </AdminShell>
    </EventZoneProvider>
  )
}
