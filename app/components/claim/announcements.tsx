/** What staff or Keymint tell everybody in a workshop now. Whatever it holds, a line is only text. */
import type { AnnouncementView } from '~/domain/workshop/view-types'
import { ownAnnouncements } from '~/messages/announcements'
import { Callout } from '../base/callout'

/** Always in the page, so that a line that arrives is read out. */
export function Announcements({ shown }: { shown: AnnouncementView[] }) {
  return (
    <section aria-label="Announcements" aria-live="polite">
      {shown.map(({ id, cause, line }) => (
        <div key={id} className="pt-6">
          {cause === null ? (
            <Callout tone="plain" title="From the organiser">
              <p>
                <bdi>{line}</bdi>
              </p>
            </Callout>
          ) : (
            <Callout tone="warning" title={ownAnnouncements[cause].title}>
              <p>{ownAnnouncements[cause].sentence}</p>
            </Callout>
          )}
        </div>
      ))}
    </section>
  )
}
