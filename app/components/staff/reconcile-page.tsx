/**
 * The page of /admin/reconcile: what differs, what a repair would do (that is the dry run), and what
 * was done.
 */
import { Form } from '@remix-run/react'
import type { ReconcileView, RunRow } from '~/domain/staff/reconcile-page.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { EmptyState, Section } from '../base/page-shell'
import { Table } from '../base/table'
import { Ago, Time } from '../base/time'
import { countLabel, openMessage, outcomeLabel, requesterLabel } from './drift-messages'
import { Confirmed, Group } from './reconcile-drifts'

type Props = { view: ReconcileView; mayAct: boolean }

export function ReconcilePage({ view, mayAct }: Props) {
  const { check, failedSince, running } = view
  const checking = running.some((run) => run.kind === 'check')
  return (
    <div className="mt-6 space-y-6">
      {failedSince ? (
        <Callout tone="error" title="The last check could not read the provider">
          {failedSince.reason ? <p>{failedSince.reason}</p> : null}
          <p>
            It ran <Ago iso={failedSince.at} asOf={view.asOf} />. Nothing was changed, and the
            findings below are older. Check again when the provider answers.
          </p>
        </Callout>
      ) : null}
      {running.map((run) => (
        <Progress key={run.id} run={run} view={view} />
      ))}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        {mayAct ? (
          <Form method="post" preventScrollReset>
            <Button
              type="submit"
              name="intent"
              value="check"
              kind="ink"
              busy={checking}
              busyText="Checking…"
            >
              Check now
            </Button>
          </Form>
        ) : null}
        <p className="text-soft">
          {check ? (
            <>
              As of <Time iso={check.asOf} now={view.asOf} /> (
              <Ago iso={check.asOf} asOf={view.asOf} />
              ): {countLabel(check.upstreamKeys, 'key')} in the provider account, {check.ourKeys} of
              them ours by name.
            </>
          ) : (
            'No check has finished yet. A check runs every hour.'
          )}
        </p>
      </div>
      {check && check.unverified > 0 ? (
        <Callout tone="warning" title={`${countLabel(check.unverified, 'key')} not verified`}>
          <p>
            Our rows hold these keys and the provider’s list does not show them. There were too many
            to request one by one, or the request failed; the next check continues.
          </p>
        </Callout>
      ) : null}
      {check ? <Found check={check} view={view} mayAct={mayAct} /> : null}
      <History runs={view.history} asOf={view.asOf} />
    </div>
  )
}

function Progress({ run, view }: { run: RunRow; view: ReconcileView }) {
  const handled = run.fixed + run.failed + run.obsolete
  const title =
    run.kind === 'check' ? 'A check is running' : `Repairing: ${handled} of ${run.total} finished`
  return (
    <div role="status">
      <Callout tone={view.workerSeen && !run.error ? 'plain' : 'warning'} title={title}>
        <p>
          Requested by {requesterLabel(run)}, <Ago iso={run.askedAt} asOf={view.asOf} />. This page
          updates itself; without a script, reload it.
        </p>
        {run.error ? <p>{run.error} Retrying automatically.</p> : null}
        {view.workerSeen ? null : (
          <p>No worker has reported in the last 30 seconds. It begins when a worker starts.</p>
        )}
      </Callout>
    </div>
  )
}

function Found({
  check,
  view,
  mayAct,
}: {
  check: NonNullable<ReconcileView['check']>
  view: ReconcileView
  mayAct: boolean
}) {
  if (check.groups.length === 0)
    return (
      <EmptyState title="No differences">
        <p>
          Every key of ours at the provider matches its row, and no key is lost. Keys that are not
          ours were not compared.
        </p>
      </EmptyState>
    )
  const repairing = view.running.some((run) => run.kind === 'fix')
  return (
    <>
      <div className="flex flex-wrap items-start gap-x-6 gap-y-3">
        <p className="max-w-read">{openMessage(check)}</p>
        {mayAct && check.repairable > 0 ? (
          <Confirmed
            checkId={check.id}
            intent="repair-all"
            kind={null}
            count={check.repairable}
            busy={repairing}
          />
        ) : null}
      </div>
      {check.groups.map((group) => (
        <Group
          key={group.kind}
          group={group}
          checkId={check.id}
          mayAct={mayAct}
          repairing={repairing}
        />
      ))}
    </>
  )
}

function History({ runs, asOf }: { runs: RunRow[]; asOf: string }) {
  if (runs.length === 0) return null
  return (
    <Section title="History" id="history">
      <Table
        label="Checks and repairs"
        frameClassName="sm:max-h-[50vh]"
        className="sm:min-w-[40rem]"
        stacked
        rows={runs}
        rowKey={(run) => run.id}
        columns={[
          {
            head: 'When',
            className: 'whitespace-nowrap',
            cell: (run) => (
              <time dateTime={run.askedAt} title={run.askedAt}>
                <Ago iso={run.askedAt} asOf={asOf} />
              </time>
            ),
          },
          {
            head: 'Action',
            cell: (run) => (run.kind === 'check' ? 'Check' : `Repair of ${run.total}`),
          },
          { head: 'By', cell: requesterLabel },
          {
            head: 'Outcome',
            className: (run) =>
              run.state === 'failed' || run.failed > 0 ? 'text-brick-ink' : 'text-soft',
            cell: outcomeLabel,
          },
        ]}
      />
    </Section>
  )
}
