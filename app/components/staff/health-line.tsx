import type { Health } from '~/domain/operations/health'
import { CheckIcon, StopIcon, WarningIcon } from '../base/icons'

const looks = {
  well: { ink: 'text-ink', word: 'Fine', icon: <CheckIcon /> },
  watch: { ink: 'text-amber-ink', word: 'Watch', icon: <WarningIcon /> },
  act: { ink: 'text-brick-ink', word: 'Act', icon: <StopIcon /> },
} as const

export function VerdictWord({ verdict }: { verdict: Health['verdict'] }) {
  const { ink, word, icon } = looks[verdict]
  return (
    <span className={`inline-flex shrink-0 items-center gap-1.5 font-semibold ${ink}`}>
      {icon}
      {word}
    </span>
  )
}

/** The reasons, worst first; each with its word, so that colour is never alone. */
export function Reasons({ health }: { health: Health }) {
  if (health.reasons.length === 0) return <p className="text-soft">Nothing stands out.</p>
  return (
    <ul className="space-y-2">
      {health.reasons.map(({ verdict, words }) => (
        <li key={words} className="flex gap-3">
          <span className="w-20 shrink-0">
            <VerdictWord verdict={verdict} />
          </span>
          <span>{words}</span>
        </li>
      ))}
    </ul>
  )
}
