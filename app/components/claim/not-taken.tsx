/** A claim that was not taken: what happened, and the button that mends it. */
import type { RefusedReason } from '~/domain/claim/claim.server'
import { ButtonLink } from '../base/button'
import { PageShell } from '../base/page-shell'
import { AskOrganizer } from './ask-organizer'
import { AccountHelp, isMendable } from './account-help'
import { notTakenMessage } from './claim-messages'
import type { ClaimPageData } from './claim-page-data'
import { OrganizerLine } from './organizer-line'

/** What the organizers can lift for one person. */
const liftable: ReadonlySet<RefusedReason> = new Set<RefusedReason>([
  'account-too-new',
  'wrong-domain',
  'not-on-roster',
])

export function NotTaken({ page, reason }: { page: ClaimPageData; reason: RefusedReason }) {
  const message = notTakenMessage(reason, page.workshop)
  const retryable =
    reason === 'paused' ||
    reason === 'switched-off' ||
    reason === 'full' ||
    reason === 'not-open-yet'
  const mendable = isMendable(reason) && page.workshop !== null
  const back = page.workshop
    ? { to: page.urls.workshop, label: page.workshop.title }
    : { to: '/', label: 'All workshops' }
  return (
    <PageShell title={message.title} lead={message.meaning} back={back}>
      <div className="mt-6 space-y-6">
        {page.workshop && mendable ? (
          <AccountHelp
            reason={reason}
            until={reason === 'account-too-new' ? page.oldEnoughAt : null}
            claimedWith={page.claimedWith}
            account={page.account}
            workshop={page.workshop}
            returnTo={page.urls.workshop}
          />
        ) : (
          <p>{message.next}</p>
        )}
        {page.workshop && page.access?.mayAsk && liftable.has(reason) ? (
          <AskOrganizer slug={page.workshop.slug} request={page.access.request} />
        ) : null}
        <div className="flex flex-wrap gap-3">
          {page.workshop ? (
            <ButtonLink kind={retryable ? 'ink' : 'plain'} to={page.urls.workshop}>
              {retryable ? 'Try again' : 'Back to the workshop'}
            </ButtonLink>
          ) : (
            <ButtonLink kind="ink" to="/">
              See all workshops
            </ButtonLink>
          )}
        </div>
        {message.askOrganizer ? (
          <div className="border-t border-rule pt-4 text-soft">
            <OrganizerLine
              organizer={page.workshop?.organizer ?? null}
              subject={`A key for ${page.workshop?.title ?? 'a workshop'}`}
            />
          </div>
        ) : null}
      </div>
    </PageShell>
  )
}
