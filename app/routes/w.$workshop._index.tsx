import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { useEffect, useState } from 'react'
import { Button, ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Checkbox } from '~/components/base/field'
import { OrganizerLine } from '~/components/claim/organizer-line'
import { PageShell, Section } from '~/components/base/page-shell'
import { StarNudge } from '~/components/base/star-nudge'
import { Countdown, Time } from '~/components/base/time'
import { SeatsBar, WorkshopFacts } from '~/components/claim/workshop-facts'
import type { WorkshopView } from '~/domain/workshop/view-types'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { claimUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { getViewer, signInPath } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const [workshop, viewer] = await Promise.all([
    findWorkshopView(ctx, slug),
    getViewer({ request, ctx, auth }),
  ])
  if (!workshop) throw notFound()
  const claim = viewer
    ? await findClaimView(ctx, { workshopSlug: slug, userId: viewer.userId })
    : null
  return {
    slug,
    workshop: 'broken' in workshop ? null : workshop,
    claim: claim && { state: claim.state },
    staff: viewer?.role === 'admin' || viewer?.role === 'viewer',
    signIn: viewer ? null : signInPath({ returnTo: `/w/${slug}` }),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data?.workshop?.title ?? 'Workshop'} · Keymint` },
]

const back = { to: '/', label: 'All workshops' }

export default function WorkshopPage() {
  const { slug, workshop, claim, staff, signIn } = useLoaderData<typeof loader>()
  if (!workshop) {
    return (
      <PageShell
        title="This workshop cannot be shown."
        lead="Its file has a mistake in it, so nobody can claim a key here just now. Keys given out before keep working."
        back={back}
      >
        <p className="mt-4">
          Tell the organiser. Once the file is right and deployed again, this page works again.
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
                How to use a key, and what it may be used for
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
              <Link className="prose-link" to={`/admin/w/${slug}`}>
                Claims of this workshop, for staff
              </Link>
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
  const words = {
    pending: 'Your key is being made.',
    ready: 'You have a key.',
    ended: 'You had a key, and it has ended.',
    refused: 'Your claim was refused.',
  }[state]
  return (
    <div className="flex flex-wrap items-center gap-x-6 gap-y-3">
      <ButtonLink kind="key" large to={claimUrl(slug)}>
        {state === 'ready' ? 'See your key' : 'See your claim'}
      </ButtonLink>
      <p>{words}</p>
    </div>
  )
}

function ClaimBox({ workshop, signIn }: { workshop: WorkshopView; signIn: string | null }) {
  if (workshop.endedAt)
    return (
      <Callout tone="plain" title="This workshop has ended.">
        <p>The organiser has ended it and all of its keys.</p>
      </Callout>
    )
  if (workshop.window === 'closed')
    return (
      <Callout tone="plain" title="Claims have closed.">
        <p>Keys claimed in time keep working until they end.</p>
      </Callout>
    )
  if (workshop.window === 'upcoming') {
    return (
      <Callout tone="warning" title="Claims are not open yet.">
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
            'The organiser opens them.'
          )}{' '}
          {signIn ? 'You can sign in already.' : 'You are signed in, so one click will do.'}
        </p>
        {signIn ? <ButtonLink to={signIn}>Sign in</ButtonLink> : null}
      </Callout>
    )
  }
  // A switch that is off is said before a room that is full: it may be the reason why nobody
  // leaves.
  if (workshop.paused) return <Paused paused={workshop.paused} asOf={workshop.asOf} />
  if (workshop.seats.left === 0) {
    return workshop.kind === 'giveaway' ? (
      <Callout tone="plain" title="Every key is taken.">
        <p>A key becomes free again when somebody’s has ended. Look in again in a few days.</p>
      </Callout>
    ) : (
      <Callout tone="plain" title="The room is full.">
        <p>
          Every key has been claimed. A key that is given back becomes free again: ask the
          organiser.
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

function Paused({ paused, asOf }: { paused: NonNullable<WorkshopView['paused']>; asOf: string }) {
  return (
    <Callout tone="warning" title="No keys are made just now.">
      <p>
        {paused.reason}
        {paused.since ? (
          <>
            {' '}
            Since <Time iso={paused.since} now={asOf} />.
          </>
        ) : null}
      </p>
      <p>
        It has nothing to do with you. Keys given out before keep working, and can still be seen.
        Reload this page in a while.
      </p>
    </Callout>
  )
}

function ClaimForm({ workshop }: { workshop: WorkshopView }) {
  const [busy, setBusy] = useState(false)
  // Coming back with the browser's back button shows this page as it was left.
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
