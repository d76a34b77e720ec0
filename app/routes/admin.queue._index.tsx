import { numberText } from '~/messages/text'
import type { MetaFunction } from '@remix-run/node'
import {
  Form,
  useActionData,
  useLoaderData,
  useLocation,
  useNavigation,
  type ClientLoaderFunctionArgs,
} from '@remix-run/react'
import { useEffect, useState } from 'react'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { useLive } from '~/client/use-live'
import { useRowKeys } from '~/client/use-row-keys'
import { AdminShell } from '~/components/staff/admin-shell'
import { ChartRow } from '~/components/base/chart'
import { useHydrated } from '~/components/base/hydrated'
import { EmptyState } from '~/components/base/page-shell'
import { AnswerPlace } from '~/components/staff/queue/action-answer'
import { JobActBar } from '~/components/staff/queue/act-bar'
import { BulkProgress } from '~/components/staff/bulk-progress'
import { ErrorList } from '~/components/staff/queue/error-list'
import { FilterForm, searchId } from '~/components/staff/queue/filter-form'
import { HealthBanner } from '~/components/staff/queue/health-banner'
import { jobListId, JobTable } from '~/components/staff/queue/job-table'
import {
  emptyMessages,
  jobsLabel,
  leadMessage,
  listMessage,
} from '~/components/staff/queue/job-messages'
import { jobLabel } from '~/messages/jobs'
import { KeysHelp, useHelpDialog } from '~/components/staff/queue/keys-help'
import { LiveLine } from '~/components/staff/live-line'
import { MintingSwitch } from '~/components/staff/queue/minting-switch'
import { PausedBanner } from '~/components/staff/queue/schedules-page'
import { TabBar } from '~/components/staff/queue/tab-bar'
import { queueExportUrl, queueUrl, schedulesUrl } from '~/urls'
import { listBulk, readBulk } from '~/domain/bulk/bulk.server'
import { jobActions } from '~/domain/staff/queue/bulk-jobs.server'
import { changedSearch, isNarrowed, readQueueQuery } from '~/domain/staff/queue/filter'
import { readQueuePage, readQueueThroughput } from '~/domain/staff/queue/queue-page.server'
import { handler } from '~/web/handler.server'
import { uuid } from '~/web/parse-form.server'
import { answerQueueForm } from '~/web/queue-actions.server'
import { queueCharts } from '~/web/queue-charts.server'
import { queueView } from '~/web/queue-view.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const { searchParams } = new URL(request.url)
  const { filter, within, span } = readQueueQuery(searchParams, ctx.now())
  const bulkId = searchParams.get('bulk') ?? ''
  const [page, throughput, named, recent] = await Promise.all([
    readQueuePage(ctx, filter),
    readQueueThroughput(ctx, { span, ...(filter.job ? { job: filter.job } : {}) }),
    uuid.safeParse(bulkId).success ? readBulk(ctx, bulkId) : null,
    listBulk(ctx, { kinds: [...jobActions], limit: 3 }),
  ])
  const bulks = [
    ...(named ? [named] : []),
    ...recent.filter((bulk) => bulk.finishedAt === null && bulk.id !== named?.id),
  ]
  return {
    page: queueView(page),
    within,
    span,
    charts: queueCharts(throughput),
    chartJob: throughput.job,
    bulks,
    mayAct: viewer.role === 'admin',
  }
})

export const action = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  return answerQueueForm(ctx, viewer.userId, request)
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  {
    title: `Queue: ${data ? `${jobsLabel(data.page.counts.unfinished)} not finished` : ''} · Keymint`,
  },
]

const liveEveryMs = 5_000

export default function AdminQueue() {
  const { page, within, span, charts, chartJob, bulks, mayAct } = useLoaderData<typeof loader>()
  const { filter, counts, list, errors, health, asOf } = page
  const answer = useActionData<typeof action>()
  const navigation = useNavigation()
  const params = new URLSearchParams(useLocation().search)
  const hydrated = useHydrated()
  const help = useHelpDialog()
  const [live, setLive] = useState(true)
  const [chosen, setChosen] = useState(0)
  const status = useLive({
    loadedAt: asOf,
    everyMs: liveEveryMs,
    on: live,
    held: chosen > 0 || answer?.kind === 'ask',
  })
  useRowKeys({
    listId: jobListId,
    searchId,
    version: list.rows.map((row) => row.id).join(),
    onHelp: () => help.current?.showModal(),
  })
  // A selected job that has left the list is not selected any more.
  const rowIds = list.rows.map((row) => row.id).join()
  useEffect(
    () => setChosen(document.querySelectorAll(`#${jobListId} input[name=job]:checked`).length),
    [rowIds],
  )

  const asked = navigation.state === 'idle' ? null : navigation.formData?.get('do')
  const busy = typeof asked === 'string' ? asked : null
  const narrowed = isNarrowed(filter)
  const to = (change: Record<string, string | undefined>) =>
    `${queueUrl}${changedSearch(params, change)}`
  return (
    <AdminShell
      title="Queue"
      lead={
        <>
          {leadMessage(counts.unfinished, health.oldestWaiting?.seconds ?? null)}{' '}
          <a className="prose-link" href={schedulesUrl({})}>
            What runs by itself
          </a>
        </>
      }
    >
      <div className="mt-5 space-y-3">
        <HealthBanner health={health} asOf={asOf} />
        <PausedBanner
          queues={health.pausedQueues}
          resumeHref={mayAct ? `${schedulesUrl({})}#queues` : null}
          asOf={asOf}
        />
        <MintingSwitch
          gate={health.gate}
          mayAct={mayAct}
          busy={busy}
          problem={
            answer?.kind === 'reason-missing' ? 'Enter a reason of at least three letters.' : null
          }
          asOf={asOf}
        />
        <AnswerPlace answer={answer} about="minting" busy={busy} backHref={to({})} />
      </div>

      <ErrorList
        groups={errors}
        current={filter.error}
        linkTo={(error) => to({ error })}
        asOf={asOf}
      />

      <section aria-labelledby="jobs-title">
        <div className="mt-8 flex flex-wrap items-center justify-between gap-x-6">
          <h2 id="jobs-title" className="text-lead font-semibold">
            Jobs
          </h2>
          <div className="flex flex-wrap items-center gap-x-3">
            <LiveLine
              live={status}
              asOf={asOf}
              refreshHref={to({})}
              onToggle={() => setLive(!live)}
            />
            <KeysHelp dialog={help} />
          </div>
        </div>
        <FilterForm page={page} within={within} span={span} narrowed={narrowed} />
        <TabBar
          current={filter.tab}
          counts={narrowed ? null : counts}
          hrefOf={(tab) => to({ tab })}
        />
        <p className="my-3 text-small text-soft">
          {listMessage(list.matches, list.lookedThrough, filter.tab)}{' '}
          <span className="no-print">
            Download:{' '}
            <a
              className="prose-link"
              href={queueExportUrl(changedSearch(params, {}), 'csv')}
              download
            >
              CSV
            </a>
            ,{' '}
            <a
              className="prose-link"
              href={queueExportUrl(changedSearch(params, {}), 'json')}
              download
            >
              JSON
            </a>
            .
          </span>
        </p>
        <div className="mb-3 space-y-3 empty:hidden">
          {bulks.map((bulk) => (
            <BulkProgress key={bulk.id} bulk={bulk} mayAct={mayAct} asOf={asOf} />
          ))}
          <AnswerPlace answer={answer} about="jobs" busy={busy} backHref={to({})} />
        </div>
        <Form
          method="post"
          preventScrollReset
          onChange={(event) =>
            setChosen(event.currentTarget.querySelectorAll('input[name=job]:checked').length)
          }
        >
          {mayAct && list.rows.length > 0 ? (
            <JobActBar
              tab={filter.tab}
              chosen={hydrated ? chosen : null}
              matches={list.matches}
              atMost={1_000}
              busy={busy}
            />
          ) : null}
          {list.rows.length > 0 ? (
            <JobTable rows={list.rows} mayAct={mayAct} busy={busy} asOf={asOf} />
          ) : (
            <EmptyState title={narrowed ? 'No job matches' : emptyMessages[filter.tab]}>
              {list.lookedThrough ? (
                <p>Only the newest {numberText(list.lookedThrough)} were searched.</p>
              ) : narrowed ? (
                <p>Widen the filter, or choose another state.</p>
              ) : (
                <p>Jobs appear here automatically.</p>
              )}
            </EmptyState>
          )}
        </Form>
        {list.next || filter.after ? (
          <nav aria-label="Pages" className="mt-4 flex gap-4">
            {filter.after ? (
              <a className="button" href={to({})}>
                Newest
              </a>
            ) : null}
            {list.next ? (
              <a className="button" href={to({ after: list.next })}>
                {list.lookedThrough ? 'Search older jobs' : 'Older'}
              </a>
            ) : null}
          </nav>
        ) : null}
      </section>

      <ChartRow
        headingId="charts"
        charts={charts}
        spans={(['hour', 'day'] as const).map((name) => ({
          name,
          label: name === 'hour' ? 'Hour' : 'Day',
          href: to({ span: name === 'day' ? 'day' : undefined }),
          current: name === span,
        }))}
      />
      <p className="mt-3 text-small text-soft">
        The job “{jobLabel(chartJob)}”. Filter by a job to see another. Times are UTC, by the
        minute.
      </p>
    </AdminShell>
  )
}
