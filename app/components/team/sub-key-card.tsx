import type { SubKeyView } from '~/domain/team/view-types'
import { Countdown, Time } from '../base/time'
import { KeyCard } from '../claim/key-card'
import { memberLabel } from './role-messages'
import { capNoteOf, serviceTitle } from './sub-key-messages'
import { subKeySteps } from './sub-key-status'

/** A sub-key on the card that all keys have. `revealed` is the key itself while it is shown. */
export function SubKeyCard({
  view,
  revealed,
  asOf,
}: {
  view: SubKeyView
  revealed: string | null
  asOf: string
}) {
  const state = cardStateOf(view)
  return (
    <KeyCard
      state={state}
      title={view.purpose}
      holder={memberLabel(view.holder.name, view.holder.service)}
      reference={view.reference}
      steps={subKeySteps(view)}
      label={
        {
          ready: `${serviceTitle(view.service)} key`,
          pending: 'Being made',
          refused: 'Not made',
          ended: 'No longer valid',
        }[state]
      }
      keyText={state === 'ended' || state === 'refused' ? null : (revealed ?? view.label)}
      cap={view.cap.text}
      capNote={capNoteOf(view)}
      hasEnded={view.endedAt !== null}
      ends={
        view.endedAt ? (
          <Time iso={view.endedAt} now={asOf} />
        ) : (
          <>
            <Countdown iso={view.expiresAt} asOf={asOf} passed="now" />
            <span className="key-card-quiet block">
              <Time short iso={view.expiresAt} now={asOf} />
            </span>
          </>
        )
      }
    />
  )
}

function cardStateOf({ phase }: SubKeyView) {
  switch (phase) {
    case 'pending':
    case 'rotating':
      return 'pending'
    case 'ready':
    case 'changing':
      return 'ready'
    case 'settling':
    case 'ended':
      return 'ended'
    case 'refused':
      return 'refused'
  }
}
