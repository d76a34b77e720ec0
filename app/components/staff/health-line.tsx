import type { Finding, Health, Severity } from '~/domain/operations/judgement'
import { healthText } from '~/messages/health'
import { CheckIcon, StopIcon, WarningIcon } from '../base/icons'
import { Time } from '../base/time'

const looks = {
  ok: { ink: 'text-ink', label: 'OK', icon: <CheckIcon /> },
  warning: { ink: 'text-amber-ink', label: 'Watch', icon: <WarningIcon /> },
  error: { ink: 'text-brick-ink', label: 'Act', icon: <StopIcon /> },
} as const

function SeverityLabel({ severity }: { severity: Severity }) {
  const { ink, label, icon } = looks[severity]
  return (
    <span
      className={`inline-flex shrink-0 items-center gap-1.5 font-semibold whitespace-nowrap ${ink}`}
    >
      {icon}
      {label}
    </span>
  )
}

/** "Act" only where a person can do something about it. */
export function FindingLabel({ finding: { severity, help } }: { finding: Finding }) {
  if (severity !== 'error' || help === 'press' || help === 'outside')
    return <SeverityLabel severity={severity} />
  return (
    <span className="inline-flex shrink-0 items-center gap-1.5 font-semibold whitespace-nowrap text-brick-ink">
      <StopIcon />
      Delay
    </span>
  )
}

/** Of the worst reason. */
export function HealthLabel({ health }: { health: Health }) {
  const [worst] = health.reasons
  return worst ? <FindingLabel finding={worst} /> : <SeverityLabel severity="ok" />
}

/** The reasons, worst first; each with its label, so that colour is never alone. */
export function Reasons({ health, asOf }: { health: Health; asOf: string }) {
  if (health.reasons.length === 0) return <p className="text-soft">Nothing to report.</p>
  return (
    <ul className="space-y-2">
      {health.reasons.map((reason) => (
        <li key={`${reason.code} ${reason.workshop?.slug ?? ''}`} className="flex gap-3">
          <span className="min-w-20 shrink-0">
            <FindingLabel finding={reason} />
          </span>
          <span className="min-w-0 [overflow-wrap:anywhere]">
            {healthText(reason)}
            {reason.since ? (
              <span className="text-soft">
                {' '}
                Since <Time iso={reason.since} now={asOf} />.
              </span>
            ) : null}
          </span>
        </li>
      ))}
    </ul>
  )
}
