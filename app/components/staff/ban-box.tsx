import { Form, useNavigation } from '@remix-run/react'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'

export type BanAnswer = { done: string } | { refused: string }

/**
 * Bars a person from all workshops and giveaways, or lifts the bar. Says what it does before it is
 * pressed.
 */
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
            <Callout tone="mint" title={answer.done} />
          ) : (
            <Callout tone="amber" title={answer.refused} />
          )}
        </div>
      ) : null}
      <p className="text-soft">
        {banned
          ? 'This person is banned: no claim, no key and no session, here and in every other workshop. Lifting the ban gives no key back.'
          : 'A ban ends every live key of this person at once, here and in every other workshop, and signs them out. They cannot claim again until it is lifted. The claim and the reason stay.'}
      </p>
      <Form method="post" className="space-y-4">
        <Field
          label={banned ? 'Why the ban is lifted' : 'Why'}
          name="reason"
          hint="Kept in the audit trail."
          required
        />
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
