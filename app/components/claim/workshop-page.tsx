/** A workshop before anybody has claimed: what it gives, and the button. */
import { useEffect, useState } from 'react'
import { Button, ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Checkbox } from '~/components/base/field'
import { OrganizerLine } from '~/components/claim/organizer-line'
import { PageShell, Section } from '~/components/base/page-shell'
import { StarNudge } from '~/components/base/star-nudge'
import { Countdown, Time } from '~/components/base/time'
import { pausedMessage, SeatsBar, WorkshopFacts } from '~/components/claim/workshop-facts'
import type { PausedView, WorkshopView } from '~/domain/workshop/view-types'
import { claimUrl } from '~/urls'

export type WorkshopPageData = {
  slug: string
  /** Null when its file has an error. */
  workshop: WorkshopView | null
  claim: { state: 'pending' | 'ready' | 'ended' | 'refused' } | null
  staff: boolean
  /** Where to sign in; null when one is. */
  signIn: string | null
}

const back = { to: '/', label: 'All workshops' }

export function WorkshopPage({ page }: { page: WorkshopPageData }) {
  const { slug, workshop, claim, staff, signIn } = page
  if (!workshop) {
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
    <PageShell title={workshop.title} lead={workshop.description} back={back}>
      <div className="mt-8">
        {claim ? (
          <Claimed slug={slug} state={claim.state} />
        ) : (
          <ClaimBox workshop={workshop} signIn={signIn} />
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
              <a className="prose-link" href={`/admin/w/${slug}`}>
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

function ClaimBox({ workshop, signIn }: { workshop: WorkshopView; signIn: string | null }) {
  if (workshop.endedAt)
    return (
      <Callout tone="plain" title="This workshop has ended">
        <p>The organiser has ended it and disabled all its keys.</p>
      </Callout>
    )
  if (workshop.window === 'closed')
    return (
      <Callout tone="plain" title="Claims have closed">
        <p>Keys claimed in time work until they expire.</p>
      </Callout>
    )
  if (workshop.window === 'upcoming') {
    return (
      <Callout tone="warning" title="Claims are not open yet">
        <p>
          {workshop.opensAt ? (
            <>
              They open{' '}
              <Countdown
                iso={workshop.opensAt}
                asOf={workshop.asOf}
                passed="now: reload this page"
              />
              .
            </>
          ) : (
            'The organiser will open them.'
          )}{' '}
          {signIn ? 'You can already sign in.' : 'You are signed in, so you only need one click.'}
        </p>
        {signIn ? <ButtonLink to={signIn}>Sign in</ButtonLink> : null}
      </Callout>
    )
  }
  // A switch that is off comes before a workshop that is full: it may be the reason why no seat
  // becomes free.
  if (workshop.paused) return <Paused paused={workshop.paused} asOf={workshop.asOf} />
  if (workshop.seats.left === 0) {
    return workshop.kind === 'giveaway' ? (
      <Callout tone="plain" title="All keys are taken">
        <p>When a key expires, somebody else can claim one. Come back in a few days.</p>
      </Callout>
    ) : (
      <Callout tone="plain" title="All keys are taken">
        <p>
          When somebody gives a key back, you can claim one. Ask the organiser, who can also add
          keys.
        </p>
      </Callout>
    )
  }
  return (
    <div className="space-y-6">
      {signIn ? (
        <ButtonLink kind="ink" large to={signIn}>
          {workshop.kind === 'giveaway' ? 'Sign in with GitHub to claim' : 'Sign in to claim'}
        </ButtonLink>
      ) : (
        <ClaimForm workshop={workshop} />
      )}
      <SeatsBar workshop={workshop} />
    </div>
  )
}

function Paused({ paused, asOf }: { paused: PausedView; asOf: string }) {
  return (
    <Callout tone="warning" title="No new keys at the moment">
      <p>
        {pausedMessage(paused)}
        {paused.since ? (
          <>
            {' '}
            Since <Time iso={paused.since} now={asOf} />.
          </>
        ) : null}
      </p>
      <p>
        Existing keys keep working, and you can still open yours. Reload this page in a few minutes.
      </p>
    </Callout>
  )
}

function ClaimForm({ workshop }: { workshop: WorkshopView }) {
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
      {workshop.marketingOptIn ? <Checkbox name="optIn">{workshop.marketingOptIn}</Checkbox> : null}
      <Button type="submit" kind="key" large busy={busy} busyText="Claiming your key…">
        Claim my key
      </Button>
    </form>
  )
}
