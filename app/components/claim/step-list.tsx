import type { ReactNode } from 'react'
import type { StepView } from '~/domain/claim/view-types'
import { stepLabels } from './claim-messages'
import { CheckIcon, WarningIcon } from '../base/icons'

const stateLabels: Record<StepView['state'], string> = {
  done: 'done',
  now: 'now',
  next: 'next',
  problem: 'waiting',
}

/** The steps, as text and shapes; `note` goes beside the current one. */
export function StepList({ steps, note }: { steps: StepView[]; note?: ReactNode }) {
  const current = steps.find((step) => step.state === 'now' || step.state === 'problem')
  return (
    <ol className="divide-y divide-rule border-y border-rule">
      {steps.map((step) => (
        <li
          key={step.name}
          aria-current={step === current ? 'step' : undefined}
          className={`flex min-h-12 items-center gap-3 ${step.state === 'next' ? 'text-soft' : ''}`}
        >
          <StepMark state={step.state} />
          <span className={step === current ? 'font-semibold' : ''}>{stepLabels[step.name]}</span>
          <span className="ml-auto text-right text-small text-soft">
            {step === current && note ? note : doneIn(step)}
          </span>
        </li>
      ))}
    </ol>
  )
}

function doneIn(step: StepView): string {
  if (step.state !== 'done' || step.seconds == null) return stateLabels[step.state]
  // A moment that rounds to nothing is no number.
  if (step.seconds < 0.05) return 'done at once'
  return `done in ${step.seconds < 10 ? step.seconds.toFixed(1) : Math.round(step.seconds)} s`
}

function StepMark({ state }: { state: StepView['state'] }) {
  if (state === 'done')
    return (
      <span className="grid size-6 place-items-center rounded-full bg-mint text-[oklch(0.16_0.02_160)]">
        <CheckIcon size={16} />
      </span>
    )
  if (state === 'problem')
    return (
      <span className="grid size-6 place-items-center text-amber-ink">
        <WarningIcon size={22} />
      </span>
    )
  if (state === 'now')
    return (
      <span className="grid size-6 place-items-center rounded-full border-2 border-ink">
        <span className="working size-2.5 rounded-full bg-ink" />
      </span>
    )
  return <span className="size-6 rounded-full border-2 border-rule" />
}
