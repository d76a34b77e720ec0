import { Form } from '@remix-run/react'
import type { CheckResult } from '~/domain/operations/readiness-check'
import type { Severity } from '~/domain/operations/readiness-finding'
import type { ReadinessView } from '~/domain/operations/readiness-report.server'
import { checkLabel, checkMessage, severityLabel } from '~/messages/readiness'
import { AdminShell } from './admin-shell'
import { Clocks } from './clocks'
import { LiveBar } from './live-line'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { EmptyState } from '../base/page-shell'
import { CheckIcon, InfoIcon, StopIcon, WarningIcon } from '../base/icons'
import { Ago, Time } from '../base/time'
import { readinessUrl } from '../../urls'

const looks: Record<Severity, { className: string; icon: () => JSX.Element }> = {
  ok: { className: 'text-mint-ink', icon: () => <CheckIcon size={18} /> },
  warning: { className: 'text-amber-ink', icon: () => <WarningIcon size={18} /> },
  error: { className: 'text-brick-ink', icon: () => <StopIcon size={18} /> },
  skipped: { className: 'text-soft', icon: () => <InfoIcon size={18} /> },
}

const worstFirst: Severity[] = ['error', 'warning', 'skipped', 'ok']

export type DoctorPageProps = {
  view: ReadinessView
  mayAct: boolean
  asOf: string
  workerSeen: boolean
  /** Seconds that the database's clock is ahead of the server's. */
  databaseOffset: number | null
  asking: boolean
  title: string
  /** What the judgement says now, whatever the last check found. */
  present: string
  everyMs: number
}

/** Readiness: what the last check found, worst first, and a button to check now. */
export function DoctorPage({
  view: { latest, pending },
  mayAct,
  asOf,
  workerSeen,
  databaseOffset,
  asking,
  title,
  present,
  everyMs,
}: DoctorPageProps) {
  const running = pending !== null && !pending.overdue
  return (
    <AdminShell
      title={title}
      lead={
        latest ? (
          <>
            As of <Time iso={latest.madeAt} now={asOf} />, <Ago iso={latest.madeAt} asOf={asOf} />
            {latest.madeBy === 'operator' ? ', by npm run doctor' : ''}. Checks made here run in a
            worker, with its environment.
          </>
        ) : (
          'A check covers everything a workshop needs and creates a test key with a limit of one cent.'
        )
      }
    >
      <div className="mt-3">
        <LiveBar asOf={asOf} everyMs={everyMs} />
      </div>
      <p className="mt-3">
        <strong>Now:</strong> {present}
      </p>
      <Clocks asOf={asOf} database={databaseOffset} />
      <div className="mt-6 max-w-read space-y-4" aria-live="polite">
        {running ? (
          <Callout tone="plain" title="A check is running">
            <p>
              Started <Ago iso={pending.askedAt} asOf={asOf} />; it takes a few seconds.{' '}
              <a className="prose-link" href={readinessUrl}>
                Refresh
              </a>
            </p>
            {workerSeen ? null : (
              <p>No worker is running, and only a worker can check: start one first.</p>
            )}
          </Callout>
        ) : null}
        {pending?.overdue ? (
          <Callout tone="error" title="The last check did not finish">
            <p>
              It was started <Ago iso={pending.askedAt} asOf={asOf} /> and no worker finished it.{' '}
              {workerSeen ? 'Check again.' : 'No worker is running: start one, then check again.'}
            </p>
          </Callout>
        ) : null}
      </div>
      {mayAct ? (
        <Form method="post" className="mt-6" preventScrollReset>
          <Button type="submit" kind="ink" busy={asking || running} busyText="Checking…">
            {latest ? 'Check again' : 'Check now'}
          </Button>
        </Form>
      ) : null}
      <div className="mt-8">
        {latest ? (
          <Findings checks={latest.checks} />
        ) : (
          <EmptyState title="No check yet">
            <p>
              {mayAct
                ? 'Select “Check now”, at least an hour before claims open.'
                : 'An admin can start a check.'}
            </p>
          </EmptyState>
        )}
      </div>
    </AdminShell>
  )
}

/** Commands stand between backticks, for the terminal too. */
function TextWithCode({ text }: { text: string }) {
  return (
    <>
      {text.split('`').map((part, index) =>
        index % 2 === 1 ? (
          <code key={index} className="font-mono text-small">
            {part}
          </code>
        ) : (
          part
        ),
      )}
    </>
  )
}

function Findings({ checks }: { checks: CheckResult[] }) {
  const sorted = [...checks].sort(
    (a, b) => worstFirst.indexOf(a.severity) - worstFirst.indexOf(b.severity),
  )
  return (
    <ul className="max-w-read divide-y divide-rule border-y border-rule">
      {sorted.map(({ name, severity, findings }) => {
        const look = looks[severity]
        const { sentence, remedy } = checkMessage({ findings })
        return (
          <li key={name} className="py-4">
            <h2 className={`flex items-center gap-2 font-semibold ${look.className}`}>
              {look.icon()}
              {checkLabel[name]}: {severityLabel[severity]}
            </h2>
            <p className="mt-1 pl-7 [overflow-wrap:anywhere]">
              <TextWithCode text={sentence} />
            </p>
            {remedy ? (
              <p className="mt-1 pl-7 [overflow-wrap:anywhere] text-soft">
                <TextWithCode text={remedy} />
              </p>
            ) : null}
          </li>
        )
      })}
    </ul>
  )
}
