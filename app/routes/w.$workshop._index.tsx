import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { useWorkshopPulse } from '~/client/use-workshop-pulse'
import { ButtonLink } from '~/components/base/button'
import { WorkshopEntry, type KnownObstacle } from '~/components/claim/workshop-entry'
import type { Account } from '~/components/claim/account-help'
import { LinkedText } from '~/components/base/linked-text'
import { OrganizerLine } from '~/components/claim/organizer-line'
import { PageShell, Section } from '~/components/base/page-shell'
import { StarNudge } from '~/components/base/star-nudge'
import { EventZoneProvider } from '~/components/base/time'
import { budgetLabel, WorkshopFacts } from '~/components/claim/workshop-facts'
import { socialMeta } from '~/components/base/social-meta'
import type { WorkshopPulse, WorkshopView } from '~/domain/workshop/view-types'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { pulseOf } from '~/domain/workshop/pulse'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { claimUrl, workshopStatusUrl, workshopUrl } from '~/urls'
import { accountOf, obstacleFor } from '~/web/account.server'
import { handler, notFound } from '~/web/handler.server'
import { getViewer } from '~/web/session.server'

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
    shown: 'broken' in workshop ? null : { workshop, pulse: pulseOf(workshop) },
    claim: claim && { state: claim.state },
    staff: viewer?.role === 'admin' || viewer?.role === 'viewer',
    origin: ctx.deployment.appOrigin,
    account: viewer && accountOf(viewer),
    obstacle: viewer && obstacleFor(ctx, slug, viewer),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => {
  const workshop = data?.shown?.workshop
  if (!workshop) return [{ title: 'Workshop · Keymint' }]
  return [
    { title: `${workshop.title} · Keymint` },
    ...socialMeta({
      title: workshop.title,
      description:
        workshop.description ??
        `Claim your own AI key: ${budgetLabel(workshop)}, ready within seconds.`,
      origin: data.origin,
      path: workshopUrl(workshop.slug),
    }),
  ]
}

const back = { to: '/', label: 'All workshops' }

export default function WorkshopPage() {
  const { slug, shown, claim, staff, account, obstacle } = useLoaderData<typeof loader>()
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
}: {
  loaded: WorkshopView
  loadedPulse: WorkshopPulse
  claim: { state: 'pending' | 'ready' | 'ended' | 'refused' } | null
  staff: boolean
  account: Account | null
  obstacle: KnownObstacle | null
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
      <div className="mt-8">
        {claim ? (
          <Claimed slug={slug} state={claim.state} />
        ) : (
          <WorkshopEntry workshop={workshop} account={account} obstacle={obstacle} live={live} />
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
              <Link className="prose-link" to={`/admin/w/${slug}`}>
                Claims (for staff)
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
