import { CheckIcon, ChevronIcon, StopIcon, WarningIcon } from '../../base/icons'
import { Table } from '../../base/table'
import { Ago, Time } from '../../base/time'
import { spanText } from '../../base/time-text'
import { jobUrl } from '../../../urls'
import { callsMessage, healthMessage } from './health-messages'
import { jobLabel } from '~/messages/jobs'
import type { HealthView } from './view-types'

const looks = {
  ok: { box: 'border-rule', ink: 'text-ink', icon: <CheckIcon /> },
  warning: { box: 'border-amber bg-amber-wash', ink: 'text-amber-ink', icon: <WarningIcon /> },
  error: { box: 'border-brick bg-brick-wash', ink: 'text-brick-ink', icon: <StopIcon /> },
} as const

/** One sentence, with the facts behind it one click away. */
export function HealthBanner({ health, asOf }: { health: HealthView; asOf: string }) {
  const look = looks[health.tone]
  const { recent, oldestWaiting, gate, calls, workers } = health
  return (
    <details className={`group rounded-box border ${look.box}`}>
      <summary
        className={`flex min-h-11 list-none items-center gap-2 px-4 py-2 font-semibold ${look.ink}`}
      >
        {look.icon}
        <span className="grow">{healthMessage(health)}</span>
        <span className="inline-flex items-center gap-1 text-small font-normal text-soft">
          <span className="prose-link">Why</span>
          <span className="transition-transform group-open:rotate-90">
            <ChevronIcon size={16} />
          </span>
        </span>
      </summary>
      <div className="border-t border-rule px-4 pt-3 pb-4 text-small">
        <dl className="grid gap-x-8 gap-y-3 sm:grid-cols-2 lg:grid-cols-4">
          <Fact name="Last three minutes">
            {recent.runs === 0
              ? 'Nothing ran.'
              : `${recent.errors} of ${recent.runs} jobs failed in their newest run ` +
                `(${Math.round((recent.errors / recent.runs) * 100)} %).`}
          </Fact>
          <Fact name="Oldest due job">
            {oldestWaiting ? (
              <>
                <a className="prose-link" href={jobUrl(oldestWaiting.id)}>
                  {jobLabel(oldestWaiting.name)}
                </a>
                , for {spanText(oldestWaiting.seconds)}.
              </>
            ) : (
              'None is waiting.'
            )}
          </Fact>
          <Fact name="Key creation">
            {gate.kind === 'open' ? (
              'Open.'
            ) : gate.kind === 'switched-off' ? (
              'Disabled by PROVISIONING_ENABLED.'
            ) : gate.kind === 'parked' ? (
              <>
                Stopped since <Time iso={gate.since} now={asOf} /> until somebody opens the provider
                account.
              </>
            ) : gate.kind === 'paused' ? (
              <>
                Paused since <Time iso={gate.since} now={asOf} />
                {gate.by ? ` by ${gate.by}` : ''}.
              </>
            ) : (
              <>
                Cooling down until <Time iso={gate.until} now={asOf} />. {gate.message}
              </>
            )}
          </Fact>
          <Fact name="Calls at once">{callsMessage(calls)}</Fact>
        </dl>
        <h3 className="mt-4 font-semibold">Workers</h3>
        {workers.length === 0 ? (
          <p className="text-soft">None has ever reported.</p>
        ) : (
          <Table
            label="Workers"
            className="[&_th]:!bg-transparent"
            rows={workers}
            rowKey={(worker) => worker.id}
            columns={[
              { head: 'Worker', className: 'font-mono', cell: (worker) => worker.id.slice(0, 8) },
              {
                head: 'Seen',
                className: (worker) => (worker.seen ? undefined : 'text-brick-ink'),
                cell: (worker) => (
                  <>
                    <Ago iso={worker.lastSeenAt} asOf={asOf} />
                    {worker.seen ? '' : worker.gone ? ', gone' : ', silent'}
                  </>
                ),
              },
              { head: 'Keys at once', right: true, cell: (worker) => worker.slots },
              { head: 'Version', cell: (worker) => worker.version ?? 'unknown' },
              { head: 'Region', cell: (worker) => worker.region ?? '' },
              {
                head: 'Works on',
                cell: (worker) =>
                  worker.gone ? (
                    <TakenOver gone={worker.gone} />
                  ) : (
                    <CurrentJobs jobs={worker.jobs} />
                  ),
              },
              {
                head: 'Up for',
                className: 'whitespace-nowrap text-soft',
                cell: (worker) =>
                  spanText((Date.parse(asOf) - Date.parse(worker.startedAt)) / 1000),
              },
            ]}
          />
        )}
      </div>
    </details>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-soft">{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function TakenOver({ gone }: { gone: NonNullable<HealthView['workers'][number]['gone']> }) {
  const jobs = gone.jobs === 1 ? 'its job' : gone.jobs === 0 ? 'no job' : `its ${gone.jobs} jobs`
  return (
    <>
      nothing: its process has ended, and worker{' '}
      <span className="font-mono">{gone.by.slice(0, 8)}</span> took over {jobs}
    </>
  )
}

/** The oldest by its name, the rest as a number. */
function CurrentJobs({ jobs }: { jobs: HealthView['workers'][number]['jobs'] }) {
  const [first] = [...jobs].sort((a, b) => a.since.localeCompare(b.since))
  if (!first) return 'nothing'
  return (
    <>
      <a className="prose-link" href={jobUrl(first.id)}>
        {jobLabel(first.name)}
      </a>
      {first.stuck ? <span className="text-brick-ink"> (stuck?)</span> : ''}
      {jobs.length > 1 ? ` and ${jobs.length - 1} more` : ''}
    </>
  )
}
