/** What the claim page says beside the card: endings and replacements. */
import { Callout } from '../base/callout'
import type { Message } from './claim-messages'
import type { ClaimPageData } from './claim-page-data'
import { OrganizerLine } from './organizer-line'

export function Extending() {
  return (
    <Callout tone="warning" title="A new key is on its way">
      <p>The organiser gives you more time: a new key, with what is left, appears here.</p>
    </Callout>
  )
}

export function Ending({
  message,
  detail,
  page,
  reference,
}: {
  message: Message
  detail: string | null
  page: ClaimPageData
  reference: string
}) {
  return (
    <Callout tone={message.tone} title="What to do now">
      {detail ? <p>“{detail}”</p> : null}
      <p>{message.next}</p>
      {message.askOrganizer ? (
        <OrganizerLine
          organizer={page.workshop?.organizer ?? null}
          subject={`My key for ${page.workshop?.title ?? 'a workshop'}`}
          reference={reference}
        />
      ) : null}
    </Callout>
  )
}
