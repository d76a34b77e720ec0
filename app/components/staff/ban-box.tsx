import { Form, useNavigation } from '@remix-run/react'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'

export type BanAnswer = { done: string } | { refused: string }

/** Bans a person from all workshops and giveaways, or lifts the ban. Explains itself first. */
export function BanBox({
  banned,
  answer,
}: {
  banned: { reason: string | null } | null
  answer: BanAnswer | null
}) {
  const busy = useNavigation().state !== 'idle'
  return (
    <div className="max-w-read space-y-4">
      {answer ? (
        <div role="status">
          {'done' in answer ? (
            <Callout tone="ok" title={answer.done} />
          ) : (
            <Callout tone="warning" title={answer.refused} />
          )}
        </div>
      ) : null}
      <p className="text-soft">
        {banned
          ? 'This person is banned from every workshop: no claim, no key and no session. Lifting the ' +
            'ban does not return a key.'
          : 'A ban ends every live key of this person in every workshop and signs them out. They ' +
            'cannot claim again until you lift the ban. The claim and the reason stay on record.'}
      </p>
      {/* Keyed, so that what was typed for the ban is not left in the field for lifting it. */}
      <Form key={banned ? 'lift' : 'ban'} method="post" className="space-y-4">
        <Field label="Reason" name="reason" hint="Recorded in the audit trail." required />
        <Button
          type="submit"
          name="intent"
          value={banned ? 'unban' : 'ban'}
          busy={busy}
          busyText="Working…"
        >
          {banned ? 'Lift the ban' : 'Ban this person'}
        </Button>
      </Form>
    </div>
  )
}
