import type { ReactNode } from 'react'
import type { PausedView, WorkshopView } from '~/domain/workshop/view-types'
import { domainsLabel, providerLabels } from './claim-messages'
import { Countdown, Time } from '../base/time'
import { nextReset, spanText } from '../base/time-text'
import { ModelList } from '../base/model-list'
import { asSentence } from '~/text'

export const resetLabels = { daily: 'a day', weekly: 'a week', monthly: 'a month' } as const

export const capNote = (reset: WorkshopView['keyLimitReset']) =>
  reset ? resetLabels[reset] : 'in total'

/** "$2.00 each", "$1.00 a day each" */
export const budgetLabel = ({ keyLimit, keyLimitReset }: WorkshopView) =>
  `${keyLimit.text} ${keyLimitReset ? `${resetLabels[keyLimitReset]} ` : ''}each`

/** Above this, a number of seats says nothing. */
const maxCountable = 100_000

/** "142 of 150 left", or null where no number of seats binds. */
export function seatsLabel({ seats }: WorkshopView): string | null {
  if (seats.total > maxCountable) return null
  if (seats.left === 0) return 'All keys are taken'
  return `${seats.left} of ${seats.total} left`
}

/** Whether one can claim now. */
function statusLabel(workshop: WorkshopView): 'Paused' | 'Full' | 'Open' | 'Coming' | 'Closed' {
  if (workshop.window === 'upcoming') return 'Coming'
  if (workshop.window === 'closed') return 'Closed'
  if (workshop.seats.left === 0) return 'Full'
  return workshop.paused ? 'Paused' : 'Open'
}

/** Why nobody can claim at the moment: the reason that staff gave, or the operator's switch. */
export function pausedMessage({ cause, reason }: PausedView): string {
  switch (cause) {
    case 'provisioning-off':
      return 'The operator has disabled new keys.'
    case 'giveaways-off':
      return 'The operator has disabled giveaways.'
    case 'paused':
      return reason === null ? 'The organiser has paused new keys.' : asSentence(reason)
  }
}

export function StatusDot({ workshop }: { workshop: WorkshopView }) {
  const label = statusLabel(workshop)
  const dot =
    label === 'Open'
      ? 'bg-mint'
      : label === 'Paused'
        ? 'border-2 border-amber-ink'
        : 'border-2 border-edge'
  return (
    <span className="inline-flex items-center gap-2 text-small font-semibold">
      <span className={`size-2.5 rounded-full ${dot}`} aria-hidden="true" />
      {label}
    </span>
  )
}

export function WorkshopFacts({ workshop }: { workshop: WorkshopView }) {
  const { opensAt, closesAt, endedAt, asOf } = workshop
  return (
    <dl className="divide-y divide-rule border-y border-rule">
      <Fact name="Budget per key">
        {workshop.keyLimit.text}
        {workshop.keyLimitReset ? ` ${capNote(workshop.keyLimitReset)}` : null}
      </Fact>
      {endedAt ? (
        <Fact name="Ended">
          <Time iso={endedAt} now={asOf} />
        </Fact>
      ) : (
        <Fact name="Keys expire">
          {workshop.keyExpiryIsRelative
            ? `If you claim ${workshop.window === 'upcoming' ? 'when claims open' : 'now'}: `
            : null}
          <Time iso={workshop.keyExpiresAt} now={asOf} />
        </Fact>
      )}
      {workshop.kind === 'giveaway' && workshop.keyLimitReset ? (
        <Fact name="Resets">
          At midnight UTC: <Time iso={nextReset(workshop.keyLimitReset, asOf)} now={asOf} />
        </Fact>
      ) : null}
      {workshop.kind === 'giveaway' ? (
        <Fact name="How many">
          One key per GitHub account. When it has expired,{' '}
          {workshop.cooldownMs
            ? `you can claim the next one after ${spanText(workshop.cooldownMs / 1000)}`
            : 'you can claim the next one'}
          , while keys are left.
        </Fact>
      ) : null}
      {workshop.entry.domains.length > 0 ? (
        <Fact name="Who">Verified addresses of {domainsLabel(workshop.entry.domains)}</Fact>
      ) : null}
      {workshop.entry.roster ? <Fact name="Who">People whom the organiser has listed</Fact> : null}
      {workshop.entry.code ? (
        <Fact name="Code">Six digits that the organiser shows at the event</Fact>
      ) : null}
      {workshop.minAccountAgeMs ? (
        <Fact name="Account">At least {spanText(workshop.minAccountAgeMs / 1000)} old</Fact>
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
      {closesAt && workshop.window === 'closed' && !endedAt ? (
        <Fact name="Claims closed">
          <Time iso={closesAt} now={asOf} />
        </Fact>
      ) : null}
      {workshop.venue ? <Fact name="Where">{workshop.venue}</Fact> : null}
      <Fact name="Sign in with">
        {workshop.providers.map((provider) => providerLabels[provider]).join(' or ')}
      </Fact>
      <Fact name="Models">
        <ModelList models={workshop.allowedModels} />
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

/** Seats as one bar, with its label. */
export function SeatsBar({ workshop }: { workshop: WorkshopView }) {
  const label = seatsLabel(workshop)
  if (!label) return null
  const { total, left } = workshop.seats
  return (
    <div>
      <p className="font-head text-lead font-semibold">{label}</p>
      <meter
        className="meter mt-2"
        min={0}
        max={Math.max(total, 1)}
        value={left}
        aria-label="Keys left"
      >
        {label}
      </meter>
    </div>
  )
}
