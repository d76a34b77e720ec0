import type { Health, Severity } from '~/domain/operations/health'
import { healthText } from '~/messages/health'
import { CheckIcon, StopIcon, WarningIcon } from '../base/icons'

const looks = {
  ok: { ink: 'text-ink', label: 'OK', icon: <CheckIcon /> },
  warning: { ink: 'text-amber-ink', label: 'Watch', icon: <WarningIcon /> },
  error: { ink: 'text-brick-ink', label: 'Act', icon: <StopIcon /> },
} as const

export function SeverityLabel({ severity }: { severity: Severity }) {
  const { ink, label, icon } = looks[severity]
  return (
    <span className={`inline-flex shrink-0 items-center gap-1.5 font-semibold ${ink}`}>
      {icon}
      {label}
    </span>
  )
}

/** The reasons, worst first; each with its label, so that colour is never alone. */
export function Reasons({ health }: { health: Health }) {
  if (health.reasons.length === 0) return <p className="text-soft">Nothing to report.</p>
  return (
    <ul className="space-y-2">
      {health.reasons.map((reason) => (
        <li key={reason.code} className="flex gap-3">
          <span className="w-20 shrink-0">
            <SeverityLabel severity={reason.severity} />
          </span>
          <span>{healthText(reason)}</span>
        </li>
      ))}
    </ul>
  )
}
