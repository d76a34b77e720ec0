import type { Health } from '~/domain/staff/queue/types'
import { CheckIcon, ChevronIcon, StopIcon, WarningIcon } from '../../base/icons'
import { Ago, Time } from '../../base/time'
import { spanWords } from '../../base/time-words'
import { jobUrl } from '../../../urls'

const looks = {
  good: { box: 'border-rule', ink: 'text-ink', icon: <CheckIcon /> },
  amber: { box: 'border-amber bg-amber-wash', ink: 'text-amber-ink', icon: <WarningIcon /> },
  brick: { box: 'border-brick bg-brick-wash', ink: 'text-brick-ink', icon: <StopIcon /> },
} as const

/** One sentence, and what it rests on one click away. */
export function HealthBanner({
  health,
  words,
  asOf,
}: {
  health: Health
  words: (name: string) => string
  asOf: string
}) {
  const look = looks[health.tone]
  const { recent, oldestWaiting, gate, workers } = health
  return (
    <details className={`group rounded-box border ${look.box}`}>
      <summary
        className={`flex min-h-11 list-none items-center gap-2 px-4 py-2 font-semibold ${look.ink}`}
      >
        {look.icon}
        <span className="grow">{health.sentence}</span>
        <span className="inline-flex items-center gap-1 text-small font-normal text-soft">
          <span className="prose-link">Why</span>
          <span className="transition-transform group-open:rotate-90">
            <ChevronIcon size={16} />
          </span>
        </span>
      </summary>
      <div className="border-t border-rule px-4 pt-3 pb-4 text-small">
        <dl className="grid gap-x-8 gap-y-3 sm:grid-cols-3">
          <Fact name="Last five minutes">
            {recent.runs === 0
              ? 'Nothing ran.'
              : `${recent.errors} of ${recent.runs} runs did not succeed (${Math.round((recent.errors / recent.runs) * 100)} %).`}
          </Fact>
          <Fact name="Oldest job that may run now">
            {oldestWaiting ? (
              <>
                <a className="prose-link" href={jobUrl(oldestWaiting.id)}>
                  {words(oldestWaiting.name)}
                </a>
                , for {spanWords(oldestWaiting.seconds)}.
              </>
            ) : (
              'None waits.'
            )}
          </Fact>
          <Fact name="Minting">
            {gate.kind === 'open' ? (
              'Open.'
            ) : gate.kind === 'switched-off' ? (
              'Switched off by PROVISIONING_ENABLED.'
            ) : gate.kind === 'paused' ? (
              <>
                Paused since <Time iso={gate.since} now={asOf} />
                {gate.by ? ` by ${gate.by}` : ''}.
              </>
            ) : (
              <>
                Cooling down until <Time iso={gate.until} now={asOf} />. {gate.words}
              </>
            )}
          </Fact>
        </dl>
        <h3 className="mt-4 font-semibold">Workers</h3>
        {workers.length === 0 ? (
          <p className="text-soft">None has ever reported.</p>
        ) : (
          <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Workers">
            <table className="ledger [&_th]:!bg-transparent">
              <thead>
                <tr>
                  <th scope="col">Worker</th>
                  <th scope="col">Seen</th>
                  <th scope="col" className="!text-right">
                    Mints at once
                  </th>
                  <th scope="col">Version</th>
                  <th scope="col">Region</th>
                  <th scope="col">Works on</th>
                  <th scope="col">Up for</th>
                </tr>
              </thead>
              <tbody>
                {workers.map((worker) => (
                  <tr key={worker.id}>
                    <td className="font-mono">{worker.id.slice(0, 8)}</td>
                    <td className={worker.seen ? '' : 'text-brick-ink'}>
                      <Ago iso={worker.lastSeenAt} asOf={asOf} />
                      {worker.seen ? '' : ', gone quiet'}
                    </td>
                    <td className="text-right">{worker.slots}</td>
                    <td>{worker.version ?? 'not told'}</td>
                    <td>{worker.region ?? ''}</td>
                    <td>
                      {worker.jobs.length === 0 ? (
                        'nothing'
                      ) : (
                        <JobsInHand jobs={worker.jobs} words={words} />
                      )}
                    </td>
                    <td className="whitespace-nowrap text-soft">
                      {spanWords((Date.parse(asOf) - Date.parse(worker.startedAt)) / 1000)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
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

/** The one that takes longest by name, the rest as a number. */
function JobsInHand({
  jobs,
  words,
}: {
  jobs: Health['workers'][number]['jobs']
  words: (name: string) => string
}) {
  const [first] = [...jobs].sort((a, b) => a.since.localeCompare(b.since))
  if (!first) return null
  return (
    <>
      <a className="prose-link" href={jobUrl(first.id)}>
        {words(first.name)}
      </a>
      {first.stuck ? <span className="text-brick-ink"> (stuck?)</span> : ''}
      {jobs.length > 1 ? ` and ${jobs.length - 1} more` : ''}
    </>
  )
}
