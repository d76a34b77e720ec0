/**
 * The page of /admin/reconcile: what differs, what a fix would do (that is the dry run), and what
 * was done.
 */
import { Form, useNavigation } from '@remix-run/react'
import type {
  DriftGroup,
  DriftRow,
  ReconcileView,
  RunRow,
} from '~/domain/staff/reconcile-page.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { driftWords } from './drift-words'
import { EmptyState, Section } from '../base/page-shell'
import { Ago, Time } from '../base/time'

type Props = { view: ReconcileView; mayAct: boolean }

export function ReconcilePage({ view, mayAct }: Props) {
  const { check, failedSince, running } = view
  const checking = running.some((run) => run.kind === 'check')
  return (
    <div className="mt-6 space-y-6">
      {failedSince ? (
        <Callout tone="brick" title="The last check could not read the provider.">
          <p>{failedSince.reason}</p>
          <p>
            It was tried <Ago iso={failedSince.at} asOf={view.asOf} />. Nothing was changed, and
            what stands below is older. Check again when the provider answers.
          </p>
        </Callout>
      ) : null}
      {running.map((run) => (
        <Progress key={run.id} run={run} view={view} />
      ))}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        {mayAct ? (
          <Form method="post" preventScrollReset>
            <input type="hidden" name="intent" value="check" />
            <Button type="submit" kind="ink" busy={checking} busyText="Checking…">
              Check now
            </Button>
          </Form>
        ) : null}
        <p className="text-soft">
          {check ? (
            <>
              As of <Time iso={check.asOf} now={view.asOf} /> (
              <Ago iso={check.asOf} asOf={view.asOf} />
              ): {count(check.upstreamKeys, 'key')} in the account, {check.ourKeys} of them ours by
              name.
            </>
          ) : (
            'No check has come to an end yet. One runs by itself every hour.'
          )}
        </p>
      </div>
      {check && check.unverified > 0 ? (
        <Callout tone="amber" title={`${count(check.unverified, 'key')} could not be looked at.`}>
          <p>
            Rows hold them and the list does not show them. They were too many to ask about one by
            one, or could not be read; the next check goes on.
          </p>
        </Callout>
      ) : null}
      {check ? <Found check={check} view={view} mayAct={mayAct} /> : null}
      <History runs={view.history} asOf={view.asOf} />
    </div>
  )
}

function Progress({ run, view }: { run: RunRow; view: ReconcileView }) {
  const settled = run.fixed + run.failed + run.moot
  const title =
    run.kind === 'check' ? 'A check is under way.' : `Fixing: ${settled} of ${run.total} are done.`
  return (
    <div role="status">
      <Callout tone={view.workerSeen && !run.error ? 'plain' : 'amber'} title={title}>
        <p>
          Asked for by {run.who}, <Ago iso={run.askedAt} asOf={view.asOf} />. This page follows it;
          without a script, reload it.
        </p>
        {run.error ? <p>{run.error} It goes on by itself.</p> : null}
        {view.workerSeen ? null : (
          <p>No worker was seen in the last half minute: it begins when one starts.</p>
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
      <EmptyState title="Everything agrees.">
        <p>
          Every key of ours at the provider is what its row says, and no key is lost. Keys that are
          not ours were not looked at any closer.
        </p>
      </EmptyState>
    )
  const fixing = view.running.some((run) => run.kind === 'fix')
  return (
    <>
      <div className="flex flex-wrap items-start gap-x-6 gap-y-3">
        <p className="max-w-read">
          {check.open === 0
            ? 'All that was found is settled. Check again to see it confirmed.'
            : `${count(check.open, 'disagreement')} ${check.open === 1 ? 'is' : 'are'} open. ${check.fixable === 0 ? 'None of them can be fixed from here: the words say what a person can do.' : `${check.fixable} can be fixed from here; the words beside each say what would be done, and nothing else is.`}`}
        </p>
        {mayAct && check.fixable > 0 ? (
          <Confirmed
            checkId={check.id}
            intent="fix-all"
            value="all"
            count={check.fixable}
            what="all that can be fixed"
            busy={fixing}
          />
        ) : null}
      </div>
      {check.groups.map((group) => (
        <Group key={group.kind} group={group} checkId={check.id} mayAct={mayAct} fixing={fixing} />
      ))}
    </>
  )
}

function Group({
  group,
  checkId,
  mayAct,
  fixing,
}: {
  group: DriftGroup
  checkId: string
  mayAct: boolean
  fixing: boolean
}) {
  const words = driftWords[group.kind]
  return (
    <Section
      title={`${words.title}: ${group.open === group.total ? group.total : `${group.open} open of ${group.total}`}`}
      id={group.kind}
    >
      <p className="max-w-read text-soft">{words.meaning}</p>
      {mayAct && group.fixable > 1 ? (
        <div className="mt-3">
          <Confirmed
            checkId={checkId}
            intent="fix-kind"
            value={group.kind}
            count={group.fixable}
            what={`all ${group.fixable}`}
            busy={fixing}
          />
        </div>
      ) : null}
      <div
        className="relative mt-4 max-h-[60vh] overflow-auto"
        tabIndex={0}
        role="region"
        aria-label={`${words.title}, as a table`}
      >
        <table className="ledger min-w-[48rem]">
          <thead>
            <tr>
              <th scope="col">About</th>
              <th scope="col">What is wrong</th>
              <th scope="col">What the fix does</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {group.rows.map((row) => (
              <Row key={row.id} row={row} checkId={checkId} mayAct={mayAct} fixing={fixing} />
            ))}
          </tbody>
        </table>
      </div>
      {group.rows.length < group.total ? (
        <p className="mt-2 text-small text-soft">
          The first {group.rows.length} of {group.total} are shown.
        </p>
      ) : null}
    </Section>
  )
}

function Row({
  row,
  checkId,
  mayAct,
  fixing,
}: {
  row: DriftRow
  checkId: string
  mayAct: boolean
  fixing: boolean
}) {
  return (
    <tr>
      <th scope="row" className="!static !border-rule !font-normal">
        {row.workshopSlug && row.reference ? (
          <a
            className="font-mono prose-link"
            href={`/admin/w/${row.workshopSlug}?text=${row.reference.toLowerCase()}`}
          >
            {row.reference}
          </a>
        ) : (
          <span className="font-mono">
            {row.keyHash ? row.keyHash.slice(0, 12) : row.workshopSlug}
          </span>
        )}
        {row.workshopSlug && row.keyHash ? (
          <span className="block text-soft">{row.workshopSlug}</span>
        ) : null}
      </th>
      <td className="min-w-72 py-2">{row.what}</td>
      <td className="min-w-56 py-2 text-soft">{row.fix ?? 'Nothing: a person decides.'}</td>
      <td className="min-w-36 py-2">
        <State row={row} checkId={checkId} mayAct={mayAct} fixing={fixing} />
      </td>
    </tr>
  )
}

function State({
  row,
  checkId,
  mayAct,
  fixing,
}: {
  row: DriftRow
  checkId: string
  mayAct: boolean
  fixing: boolean
}) {
  const navigation = useNavigation()
  const button =
    mayAct && row.fix ? (
      <Form method="post" preventScrollReset>
        <input type="hidden" name="intent" value="fix-one" />
        <input type="hidden" name="checkId" value={checkId} />
        <Button
          type="submit"
          name="id"
          value={row.id}
          busy={fixing || navigation.formData?.get('id') === row.id}
          busyText="Fix"
          aria-label={`Fix: ${row.what}`}
        >
          Fix
        </Button>
      </Form>
    ) : null
  switch (row.state) {
    case 'open':
      return button ?? <span className="text-soft">{row.fix ? 'open' : 'for a person'}</span>
    case 'asked':
      return <span className="text-amber-ink">being fixed</span>
    case 'fixed':
      return (
        <span className="text-mint-ink">
          fixed<span className="block text-soft">{row.detail}</span>
        </span>
      )
    case 'moot':
      return (
        <span>
          nothing to do<span className="block text-soft">{row.detail}</span>
        </span>
      )
    case 'failed':
      return (
        <div className="space-y-1">
          <span className="text-brick-ink">
            not fixed<span className="block">{row.detail}</span>
          </span>
          {button}
        </div>
      )
  }
}

/** Two presses: the second names the number. Works without a script. */
function Confirmed({
  checkId,
  intent,
  value,
  count: number,
  what,
  busy,
}: {
  checkId: string
  intent: string
  value: string
  count: number
  what: string
  busy: boolean
}) {
  return (
    <details className="group">
      <summary className="button inline-flex cursor-pointer list-none" data-kind="plain">
        Fix {what}…
      </summary>
      <Form method="post" preventScrollReset className="mt-3 flex flex-wrap items-center gap-3">
        <input type="hidden" name="intent" value={intent} />
        <input type="hidden" name="checkId" value={checkId} />
        <input type="hidden" name="kind" value={value} />
        <p>Each is looked at once more first; what no longer differs is left alone.</p>
        <Button type="submit" kind="ink" busy={busy} busyText="A fix is under way">
          {number === 1 ? 'Yes, fix this one' : `Yes, fix these ${number}`}
        </Button>
      </Form>
    </details>
  )
}

function History({ runs, asOf }: { runs: RunRow[]; asOf: string }) {
  if (runs.length === 0) return null
  return (
    <Section title="What was done" id="history">
      <div
        className="relative max-h-[50vh] overflow-auto"
        tabIndex={0}
        role="region"
        aria-label="Checks and fixes"
      >
        <table className="ledger min-w-[40rem]">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">By</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr key={run.id}>
                <td className="whitespace-nowrap">
                  <time dateTime={run.askedAt} title={run.askedAt}>
                    <Ago iso={run.askedAt} asOf={asOf} />
                  </time>
                </td>
                <td>{run.kind === 'check' ? 'Check' : `Fix of ${run.total}`}</td>
                <td>{run.who}</td>
                <td
                  className={
                    run.state === 'failed' || run.failed > 0 ? 'text-brick-ink' : 'text-soft'
                  }
                >
                  {outcomeOf(run)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  )
}

function outcomeOf(run: RunRow): string {
  if (run.kind === 'check')
    return run.state === 'failed'
      ? `could not be done: ${run.error ?? 'no reason given'}`
      : run.total === 0
        ? 'everything agreed'
        : `${run.total} found`
  const parts = [
    `${run.fixed} fixed`,
    ...(run.failed > 0 ? [`${run.failed} not fixed`] : []),
    ...(run.moot > 0 ? [`${run.moot} agreed by then`] : []),
  ]
  return `${parts.join(', ')}${run.error ? `. ${run.error}` : ''}`
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
