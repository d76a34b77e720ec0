import { Form } from '@remix-run/react'
import type { CheckResult, Verdict } from '~/domain/operations/doctor-check'
import type { DoctorView } from '~/domain/operations/doctor-report.server'
import { AdminShell } from './admin-shell'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { EmptyState } from '../base/page-shell'
import { CheckIcon, InfoIcon, StopIcon, WarningIcon } from '../base/icons'
import { Ago, Time } from '../base/time'
import { readinessUrl } from '../../urls'

const titles: Record<CheckResult['name'], string> = {
  environment: 'Environment',
  secrets: 'Our own secrets',
  database: 'Database',
  migrations: 'Migrations',
  queue: 'Queue',
  worker: 'Workers',
  switch: 'Switch and pause',
  workshops: 'Workshop files',
  'management-key': 'Management key',
  credits: 'Credit',
  'in-flight': 'Load of a full workshop',
  models: 'Models',
  guardrails: 'Guardrails',
  clock: 'Clocks',
  'sign-in': 'Sign-in',
  canary: 'Test key',
}

const looks: Record<Verdict, { word: string; className: string; icon: () => JSX.Element }> = {
  ok: { word: 'ok', className: 'text-mint-ink', icon: () => <CheckIcon size={18} /> },
  warn: { word: 'warning', className: 'text-amber-ink', icon: () => <WarningIcon size={18} /> },
  fail: { word: 'error', className: 'text-brick-ink', icon: () => <StopIcon size={18} /> },
  skipped: { word: 'not checked', className: 'text-soft', icon: () => <InfoIcon size={18} /> },
}

const order: Verdict[] = ['fail', 'warn', 'skipped', 'ok']

export type DoctorPageProps = {
  view: DoctorView
  mayAct: boolean
  asOf: string
  workerSeen: boolean
  asking: boolean
}

/** Readiness: the findings of the last check, most severe first, and a button to check now. */
export function DoctorPage({
  view: { latest, pending },
  mayAct,
  asOf,
  workerSeen,
  asking,
}: DoctorPageProps) {
  const bad = latest?.checks.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn') ?? []
  const running = pending !== null && !pending.overdue
  return (
    <AdminShell
      title={headlineOf(latest, bad.length)}
      lead={
        latest ? (
          <>
            As of <Time iso={latest.madeAt} now={asOf} />, <Ago iso={latest.madeAt} asOf={asOf} />
            {latest.madeBy === 'operator' ? ', by npm run doctor' : ''}. A worker checks, with its
            own environment.
          </>
        ) : (
          'A check covers everything a workshop needs, including a test key worth one cent.'
        )
      }
    >
      <div className="mt-6 max-w-read space-y-4" aria-live="polite">
        {running ? (
          <Callout tone="plain" title="A check is running">
            <p>
              Requested <Ago iso={pending.askedAt} asOf={asOf} />; it takes a few seconds.{' '}
              <a className="prose-link" href={readinessUrl}>
                Reload
              </a>
              .
            </p>
            {workerSeen ? null : (
              <p>No worker has reported for 30 seconds. Start one; only a worker can check.</p>
            )}
          </Callout>
        ) : null}
        {pending?.overdue ? (
          <Callout tone="error" title="The last check did not finish">
            <p>
              It was requested <Ago iso={pending.askedAt} asOf={asOf} />.{' '}
              {workerSeen ? 'Check again.' : 'No worker is running. Start one, then check again.'}
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
                ? 'Check at least an hour before the workshop opens.'
                : 'An admin can start a check here.'}
            </p>
          </EmptyState>
        )}
      </div>
    </AdminShell>
  )
}

function headlineOf(latest: DoctorView['latest'], bad: number): string {
  if (!latest) return 'Not checked yet'
  if (latest.verdict === 'ok') return 'Ready'
  const things = bad === 1 ? 'One thing needs' : `${bad} things need`
  return latest.verdict === 'warn'
    ? `Ready. ${things} attention.`
    : `Not ready. ${things} fixing first.`
}

/** Commands are between backticks, for the terminal too. */
function Words({ text }: { text: string }) {
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
  const sorted = [...checks].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
  return (
    <ul className="max-w-read divide-y divide-rule border-y border-rule">
      {sorted.map(({ name, verdict, words, remedy }) => {
        const look = looks[verdict]
        return (
          <li key={name} className="py-4">
            <h2 className={`flex items-center gap-2 font-semibold ${look.className}`}>
              {look.icon()}
              {titles[name]}: {look.word}
            </h2>
            <p className="mt-1 pl-7 [overflow-wrap:anywhere]">
              <Words text={words} />
            </p>
            {remedy ? (
              <p className="mt-1 pl-7 [overflow-wrap:anywhere] text-soft">
                <Words text={remedy} />
              </p>
            ) : null}
          </li>
        )
      })}
    </ul>
  )
}
