/**
 * The key card: an outline while the key is being made, filled in step by step. The box is the same
 * in every state, so nothing on the page moves when one state follows another.
 */
import type { ReactNode } from 'react'
import type { StepView } from '~/domain/claim/view-types'

type KeyCardState = 'pending' | 'ready' | 'ended' | 'refused'

/** What is wrong with a key that is ready: the card says it in colour, its label in text. */
export type KeyCardLook = 'good' | 'spent' | 'unassigned'

export type KeyCardProps = {
  state: KeyCardState
  title: string
  holder: string
  /** Shown once the claim has it. */
  reference: string | null
  /** The mask, or for half a minute the key itself; null while there is none. */
  keyText: string | null
  cap: string
  capNote: string
  ends: ReactNode
  /** `ends` is in the past: a disabled key has still its time. */
  hasEnded: boolean
  steps: StepView[]
  look?: KeyCardLook
  /** Of the budget, once it was read: a bar of what is left takes the place of the steps. */
  spent?: { share: number; text: string } | null
  /** What the card holds: "OpenRouter key", or why it holds none. */
  label: string
}

export function KeyCard({
  state,
  title,
  holder,
  reference,
  keyText,
  cap,
  capNote,
  ends,
  hasEnded,
  steps,
  label,
  look = 'good',
  spent = null,
}: KeyCardProps) {
  const limitsDone =
    state === 'ready' || steps.some((step) => step.name === 'limits' && step.state === 'done')
  return (
    <section
      aria-label="Key card"
      className="key-card"
      data-state={state}
      data-look={state === 'ready' ? look : undefined}
      data-limits={state === 'pending' && !limitsDone ? 'pending' : 'set'}
    >
      <header className="flex items-start justify-between gap-4">
        <div className="min-w-0">
          <p className="key-card-title">{title}</p>
          <p className="mt-1 [overflow-wrap:anywhere]">{holder}</p>
        </div>
        <span className="key-card-hole" aria-hidden="true" />
      </header>

      <div className="self-end">
        <div className="key-card-quiet mb-1 flex justify-between gap-4">
          <span>{label}</span>
          {reference ? <span>No. {reference}</span> : null}
        </div>
        <div
          className="key-card-key"
          translate="no"
          data-masked={keyText !== null && keyText.length < 40 ? true : undefined}
        >
          {keyText === null ? (
            <span className="key-card-blank" aria-hidden="true" />
          ) : (
            <span id="key-text" className="whitespace-pre-line">
              {keyText}
            </span>
          )}
        </div>
      </div>

      <dl className="grid grid-cols-2 gap-4">
        <div>
          <dt>Budget</dt>
          <dd className="key-card-number">{cap}</dd>
          <dd className="key-card-quiet">{capNote}</dd>
        </div>
        <div>
          <dt>{hasEnded ? 'Ended' : 'Expires'}</dt>
          <dd className="leading-snug">{ends}</dd>
        </div>
      </dl>

      {spent && state !== 'pending' ? (
        <meter
          className="meter key-card-meter"
          min={0}
          max={1}
          value={Math.max(0, 1 - spent.share)}
          data-tone={spent.share >= 0.95 ? 'error' : spent.share >= 0.8 ? 'warning' : undefined}
          aria-label="Left of this key’s budget"
        >
          {spent.text}
        </meter>
      ) : (
        <Steps state={state} steps={steps} />
      )}
    </section>
  )
}

function Steps({ state, steps }: { state: KeyCardState; steps: StepView[] }) {
  return (
    <div className="flex h-2 items-center gap-1.5" aria-hidden="true">
      {steps.map((step) => (
        <span
          key={step.name}
          className="key-card-notch"
          data-on={state === 'ended' ? 'next' : step.state}
        />
      ))}
    </div>
  )
}
