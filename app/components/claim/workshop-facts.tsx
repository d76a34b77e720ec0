import type { ReactNode } from 'react'
import type { WorkshopView } from '~/domain/workshop/view-types'
import { providerErrorText } from './claim-words'
import { Countdown, Time } from '../base/time'
import { nextReset, spanWords } from '../base/time-words'

export const resetWords = { daily: 'a day', weekly: 'a week', monthly: 'a month' } as const

export const capNote = (reset: WorkshopView['keyLimitReset']) =>
  reset ? resetWords[reset] : 'in total'

/** "$2.00 each", "$1.00 a day each" */
export const capWords = ({ keyLimit, keyLimitReset }: WorkshopView) =>
  `${keyLimit.text} ${keyLimitReset ? `${resetWords[keyLimitReset]} ` : ''}each`

/** How many there are at most before a number says nothing. */
const countable = 100_000

/** "142 of 150 left", or null where no number of seats binds. */
export function seatsWords({ seats }: WorkshopView): string | null {
  if (seats.total > countable) return null
  if (seats.left === 0) return 'All keys are taken'
  return `${seats.left} of ${seats.total} left`
}

/** One word that says whether one can claim now. */
function standingWord(workshop: WorkshopView): 'Paused' | 'Full' | 'Open' | 'Coming' | 'Closed' {
  if (workshop.window === 'upcoming') return 'Coming'
  if (workshop.window === 'closed') return 'Closed'
  if (workshop.seats.left === 0) return 'Full'
  return workshop.paused ? 'Paused' : 'Open'
}

export function Snapshot({ workshop }: { workshop: WorkshopView }) {
  const word = standingWord(workshop)
  const dot =
    word === 'Open'
      ? 'bg-mint'
      : word === 'Paused'
        ? 'border-2 border-amber-ink'
        : 'border-2 border-edge'
  return (
    <span className="inline-flex items-center gap-2 text-small font-semibold">
      <span className={`size-2.5 rounded-full ${dot}`} aria-hidden="true" />
      {word}
    </span>
  )
}

export function WorkshopFacts({ workshop }: { workshop: WorkshopView }) {
  const { opensAt, closesAt, asOf } = workshop
  return (
    <dl className="divide-y divide-rule border-y border-rule">
      <Fact name="Each key">
        {workshop.keyLimit.text} {capNote(workshop.keyLimitReset)}
      </Fact>
      <Fact name="Keys end">
        {workshop.kind === 'giveaway' ? 'If claimed now: ' : null}
        <Time iso={workshop.keyExpiresAt} now={asOf} />
      </Fact>
      {workshop.kind === 'giveaway' && workshop.keyLimitReset ? (
        <Fact name="Starts again">
          At midnight UTC: <Time iso={nextReset(workshop.keyLimitReset, asOf)} now={asOf} />
        </Fact>
      ) : null}
      {workshop.kind === 'giveaway' ? (
        <Fact name="How many">
          One key for each GitHub account. When it has ended,{' '}
          {workshop.cooldownMs
            ? `the next one ${spanWords(workshop.cooldownMs / 1000)} later`
            : 'you may claim the next one'}
          , while there are any.
        </Fact>
      ) : null}
      {workshop.minAccountAgeMs ? (
        <Fact name="Account">At least {spanWords(workshop.minAccountAgeMs / 1000)} old</Fact>
      ) : null}
      {opensAt && workshop.window === 'upcoming' ? (
        <Fact name="Claims open">
          <Countdown iso={opensAt} asOf={asOf} passed="now" />: <Time iso={opensAt} now={asOf} />
        </Fact>
      ) : null}
      {closesAt && workshop.window !== 'closed' ? (
        <Fact name="Claims close">
          <Time iso={closesAt} now={asOf} />
        </Fact>
      ) : null}
      {closesAt && workshop.window === 'closed' ? (
        <Fact name="Claims closed">
          <Time iso={closesAt} now={asOf} />
        </Fact>
      ) : null}
      {workshop.venue ? <Fact name="Where">{workshop.venue}</Fact> : null}
      <Fact name="Sign in with">
        {workshop.providers.map((provider) => providerErrorText[provider]).join(' or ')}
      </Fact>
      <Fact name="Models">
        <ul>
          {workshop.allowedModels.map((model) => (
            <li key={model}>
              <code className="font-mono text-small [overflow-wrap:anywhere]">{model}</code>
            </li>
          ))}
        </ul>
      </Fact>
    </dl>
  )
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-6 py-2.5 sm:grid-cols-[9rem_1fr]">
      <dt className="text-soft">{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** Seats as one bar, with the words beside it. */
export function SeatsBar({ workshop }: { workshop: WorkshopView }) {
  const words = seatsWords(workshop)
  if (!words) return null
  const { total, left } = workshop.seats
  return (
    <div>
      <p className="font-head text-lead font-semibold">{words}</p>
      <meter
        className="meter mt-2"
        min={0}
        max={Math.max(total, 1)}
        value={left}
        aria-label="Keys left"
      >
        {words}
      </meter>
    </div>
  )
}
