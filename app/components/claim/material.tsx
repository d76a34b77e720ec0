/** What belongs to the workshop, on the page of a key in it. */
import { StarNudge } from '../base/star-nudge'
import type { ClaimPageData } from './claim-page-data'
import { OrganizerLine } from './organizer-line'

/** What one needs now from the page that one has just left. */
export function Material({ page, reference }: { page: ClaimPageData; reference: string }) {
  const { workshop } = page
  if (!workshop) return null
  const { docsUrl, organizer, venue, timezone, title } = workshop
  const zoned = timezone !== null && timezone !== 'UTC'
  if (!docsUrl && !organizer && !venue && !zoned) return null
  return (
    <div className="space-y-1 border-b border-rule pb-5 text-soft">
      {docsUrl ? (
        <p>
          <a className="button mb-2" href={docsUrl}>
            Material for this workshop
          </a>
        </p>
      ) : null}
      <OrganizerLine organizer={organizer} subject={`My key for ${title}`} reference={reference} />
      {venue || zoned ? (
        <p>
          {venue}
          {venue && zoned ? '. ' : ''}
          {zoned ? `Times in ${timezone.replaceAll('_', ' ')}` : ''}
        </p>
      ) : null}
    </div>
  )
}

export function MoreLinks({ workshop }: { workshop: ClaimPageData['workshop'] }) {
  if (workshop?.kind !== 'giveaway' && !workshop?.repositoryUrl) return null
  return (
    <div className="no-print space-y-2 border-t border-rule pt-6 text-soft">
      {workshop.kind === 'giveaway' ? (
        <p>
          <a className="prose-link" href="/docs">
            What you may use this key for
          </a>
        </p>
      ) : null}
      {workshop.repositoryUrl ? <StarNudge url={workshop.repositoryUrl} /> : null}
    </div>
  )
}
