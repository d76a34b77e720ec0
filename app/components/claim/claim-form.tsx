/** The button that claims a key, with what the organiser wants to know before. */
import { useEffect, useId, useState } from 'react'
import type { RefusedReason } from '~/domain/claim/claim.server'
import type { WorkshopView } from '~/domain/workshop/view-types'
import { askUrl, claimUrl } from '~/urls'
import { Button } from '../base/button'
import { Checkbox } from '../base/field'
import { notTakenMessages } from './claim-messages'

export function ClaimForm({
  workshop,
  joins,
  withCode,
  refused,
  asked,
}: {
  workshop: WorkshopView
  /** All keys are taken: the press takes a place in line. */
  joins: boolean
  /** This person has to type the code that the workshop shows. */
  withCode: boolean
  /** Why the last try was refused, where its code was. */
  refused: RefusedReason | null
  /** They wait for an answer of the organiser already. */
  asked: boolean
}) {
  const [busy, setBusy] = useState(false)
  // The browser's back button shows this page as it was left.
  useEffect(() => {
    const rest = () => setBusy(false)
    addEventListener('pageshow', rest)
    return () => removeEventListener('pageshow', rest)
  }, [])
  return (
    <form
      method="post"
      action={claimUrl(workshop.slug)}
      className="space-y-4"
      onSubmit={() => setBusy(true)}
    >
      {withCode ? <CodeField refused={refused} /> : null}
      {workshop.marketingOptIn ? <Checkbox name="optIn">{workshop.marketingOptIn}</Checkbox> : null}
      <Button
        type="submit"
        kind="key"
        large
        busy={busy}
        busyText={joins ? 'Joining…' : 'Claiming your key…'}
      >
        {joins ? 'Join the waitlist' : 'Claim my key'}
      </Button>
      {withCode && !asked ? (
        <p>
          <a className="prose-link" href={askUrl(workshop.slug)}>
            You cannot see the code? Ask the organiser
          </a>
        </p>
      ) : null}
    </form>
  )
}

function CodeField({ refused }: { refused: RefusedReason | null }) {
  const id = useId()
  const message = refused === null ? null : notTakenMessages[refused]
  return (
    <div>
      <label htmlFor={id} className="block font-semibold">
        Code
      </label>
      <p id={`${id}-hint`} className="text-small text-soft">
        Six digits that the organiser shows at the event. They change every minute.
      </p>
      <input
        id={id}
        name="code"
        type="text"
        inputMode="numeric"
        autoComplete="off"
        maxLength={20}
        required
        autoFocus={message !== null}
        aria-invalid={message ? true : undefined}
        aria-describedby={`${id}-hint${message ? ` ${id}-error` : ''}`}
        className={
          'mt-1 min-h-11 w-48 max-w-full rounded-box border border-edge bg-raised px-3 font-mono ' +
          'text-lead tracking-widest aria-invalid:border-brick'
        }
      />
      {message ? (
        <p id={`${id}-error`} role="alert" className="mt-1 font-semibold text-brick-ink">
          {message.title}. {message.next}
        </p>
      ) : null}
    </div>
  )
}
