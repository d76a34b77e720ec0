/** A key on hold, because it was spending too fast: why, what to do, and the way on. */
import type { ClaimView, HoldView, KeyView } from '~/domain/claim/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Time } from '../base/time'
import { BudgetNotes } from './budget-notes'
import type { ClaimPageData } from './claim-page-data'
import { KeyEndings } from './key-panel'
import { OrganizerLine } from './organizer-line'

/** Why the key is on hold with the way on, and the key itself. */
export function KeyOnHold({
  page,
  claim,
  hold,
  budget,
}: {
  page: ClaimPageData
  claim: ClaimView
  hold: HoldView
  budget: KeyView
}) {
  return (
    <>
      <OnHold page={page} claim={claim} hold={hold} />
      <HeldKey page={page} claim={claim} budget={budget} />
    </>
  )
}

function OnHold({ page, claim, hold }: { page: ClaimPageData; claim: ClaimView; hold: HoldView }) {
  if (hold.state === 'resuming')
    return (
      <Callout tone="warning" title="Your key is starting again">
        <p>
          Programs that use it may still get “401” for a few seconds. We do not put it on hold again
          for {hold.quietMinutes} minutes.
        </p>
      </Callout>
    )
  const left = claim.key?.left
  return (
    <Callout tone="warning" title="We put your key on hold">
      <p>
        Since <Time iso={hold.heldAt} now={claim.asOf} /> programs that use it get “401”. It was
        spending about {hold.perMinute.text} a minute, which uses up a whole budget within minutes.
        {left ? ` ${left.text} is left, and nobody else gets it.` : ''}
      </p>
      <p className="mt-2">
        Look at your programs first: a loop or a very long context are the usual reasons. If the
        spending is what you want, go on. If you do not know where it comes from, replace the key.
      </p>
      <form method="post" action={page.urls.goOn} className="mt-3">
        <input type="hidden" name="hold" value={hold.id} />
        <Button type="submit" kind="ink">
          Go on
        </Button>
      </form>
      <p className="mt-2 text-small text-soft">
        We do not put it on hold again for {hold.quietMinutes} minutes after that.
      </p>
      <OrganizerLine
        organizer={page.workshop?.organizer ?? null}
        subject={`My key for ${page.workshop?.title ?? 'a workshop'}`}
        reference={claim.reference}
      />
    </Callout>
  )
}

/** What one may still do with it: see the budget, replace it, or give it back. */
function HeldKey({
  page,
  claim,
  budget,
}: {
  page: ClaimPageData
  claim: ClaimView
  budget: KeyView
}) {
  return (
    <>
      <BudgetNotes budget={budget} asOf={claim.asOf} />
      <KeyEndings
        replaceUrl={claim.replacing ? null : page.urls.replace}
        claimId={claim.claimId}
        isGiveaway={page.workshop?.kind === 'giveaway'}
        isPaused={page.workshop?.paused != null}
      />
    </>
  )
}
