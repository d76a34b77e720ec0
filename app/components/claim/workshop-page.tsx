/** A workshop before anybody has claimed: what it gives, and the button. */
import { useWorkshopPulse } from '~/client/use-workshop-pulse'
import { ButtonLink } from '~/components/base/button'
import { LinkedText } from '~/components/base/linked-text'
import { PageShell, Section } from '~/components/base/page-shell'
import { StarNudge } from '~/components/base/star-nudge'
import { EventZoneProvider } from '~/components/base/time'
import type { RefusedReason } from '~/domain/claim/claim.server'
import type { WorkshopPulse, WorkshopView } from '~/domain/workshop/view-types'
import { adminWorkshopUrl, claimUrl, workshopStatusUrl } from '~/urls'
import type { Account } from './account-help'
import { Announcements } from './announcements'
import { loadedPart } from './loaded-part'
import { OrganizerLine } from './organizer-line'
import { WorkshopEntry, type KnownAccess, type KnownObstacle } from './workshop-entry'
import type { ShownPlace } from './waitlist-place'
import { WorkshopFacts } from './workshop-facts'

/** Few workshops have a waitlist. */
const WaitlistPlace = loadedPart(
  () => import('./waitlist-place').then((part) => part.WaitlistPlace),
  'Your place in line did not load. Reload this page.',
)

export type WorkshopPageData = {
  slug: string
  /** Null when its file has an error. */
  shown: { workshop: WorkshopView; pulse: WorkshopPulse } | null
  claim: { state: 'pending' | 'ready' | 'ended' | 'refused' } | null
  staff: boolean
  origin: string
  /** Null for who is not signed in. */
  account: Account | null
  obstacle: KnownObstacle | null
  access: KnownAccess
  /** Their place in line, or what became of it. */
  place: ShownPlace | null
  codeRefused: RefusedReason | null
}

const back = { to: '/', label: 'All workshops' }

export function WorkshopPage({ page }: { page: WorkshopPageData }) {
  const { slug, shown, claim, staff, account, obstacle, access, place, codeRefused } = page
  if (!shown) {
    return (
      <PageShell
        title="We cannot show this workshop"
        lead="Its file has an error, so nobody can claim a key at the moment. Existing keys keep working."
        back={back}
      >
        <p className="mt-4">
          Tell the organiser: this page works again once the corrected file is deployed.
        </p>
        {claim ? (
          <div className="mt-8">
            <ButtonLink kind="key" to={claimUrl(slug)}>
              See your key
            </ButtonLink>
          </div>
        ) : null}
      </PageShell>
    )
  }
  return (
    <EventZoneProvider value={shown.workshop.timezone}>
      <OpenWorkshop
        loaded={shown.workshop}
        loadedPulse={shown.pulse}
        claim={claim}
        staff={staff}
        account={account}
        obstacle={obstacle}
        access={access}
        place={place}
        codeRefused={codeRefused}
      />
    </EventZoneProvider>
  )
}

function OpenWorkshop({
  loaded,
  loadedPulse,
  claim,
  staff,
  account,
  obstacle,
  access,
  place,
  codeRefused,
}: {
  loaded: WorkshopView
  loadedPulse: WorkshopPulse
  claim: { state: 'pending' | 'ready' | 'ended' | 'refused' } | null
  staff: boolean
  account: Account | null
  obstacle: KnownObstacle | null
  access: KnownAccess
  place: ShownPlace | null
  codeRefused: RefusedReason | null
}) {
  const { slug } = loaded
  const live = useWorkshopPulse(loadedPulse, workshopStatusUrl(slug))
  const workshop: WorkshopView = { ...loaded, ...live.pulse }
  return (
    <PageShell
      title={workshop.title}
      lead={workshop.description ? <LinkedText text={workshop.description} /> : null}
      back={back}
    >
      <Announcements shown={workshop.announcements} />
      <div className="mt-8 space-y-6">
        {place && workshop.window === 'open' ? (
          <WaitlistPlace
            slug={slug}
            place={place}
            paused={workshop.paused !== null}
            hasClaim={claim !== null}
          />
        ) : null}
        {place?.state === 'waiting' && workshop.window === 'open' ? null : claim ? (
          <Claimed slug={slug} state={claim.state} />
        ) : (
          <WorkshopEntry
            workshop={workshop}
            account={account}
            obstacle={obstacle}
            access={access}
            codeRefused={codeRefused}
            live={live}
          />
        )}
      </div>
      <Section title="What you get" id="facts">
        <WorkshopFacts workshop={workshop} />
        <div className="mt-6 space-y-2 text-soft">
          {workshop.kind === 'giveaway' ? (
            <p>
              <a className="prose-link" href="/docs">
                How to use a key, and what you may use it for
              </a>
            </p>
          ) : null}
          {workshop.repositoryUrl ? <StarNudge url={workshop.repositoryUrl} /> : null}
          {workshop.docsUrl ? (
            <p>
              <a className="prose-link" href={workshop.docsUrl}>
                Material for this workshop
              </a>
            </p>
          ) : null}
          {staff ? (
            <p>
              <a className="prose-link" href={adminWorkshopUrl(slug)}>
                Claims (for staff)
              </a>
            </p>
          ) : null}
          <OrganizerLine organizer={workshop.organizer} subject={workshop.title} />
        </div>
      </Section>
    </PageShell>
  )
}

function Claimed({
  slug,
  state,
}: {
  slug: string
  state: 'pending' | 'ready' | 'ended' | 'refused'
}) {
  const message = {
    pending: 'We are making your key.',
    ready: 'You have a key.',
    ended: 'Your key has ended.',
    refused: 'You did not get a key.',
  }[state]
  return (
    <div className="flex flex-wrap items-center gap-x-6 gap-y-3">
      <ButtonLink kind="key" large to={claimUrl(slug)}>
        {state === 'ready' ? 'See your key' : 'See your claim'}
      </ButtonLink>
      <p>{message}</p>
    </div>
  )
}
