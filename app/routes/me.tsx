import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { headline } from '~/components/claim-words'
import { EmptyState, PageShell, Section } from '~/components/page-shell'
import { Time } from '~/components/time'
import { YourTeams } from '~/components/your-teams'
import { listClaimsOf } from '~/domain/claim/claim-view.server'
import { listWorkshopViews } from '~/domain/workshop/view.server'
import { listTeamsOf } from '~/domain/team/team.server'
import { claimUrl } from '~/web/claim-urls'
import { handler } from '~/web/handler.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireViewer({ request, ctx, auth })
  const [claims, workshops, teams] = await Promise.all([listClaimsOf(ctx, viewer.userId), listWorkshopViews(ctx), listTeamsOf(ctx, viewer.userId)])
  const titles = new Map(workshops.map(({ slug, title }) => [slug, title]))
  return {
    person: { displayName: viewer.displayName, email: viewer.email, provider: viewer.provider },
    teams,
    claims: claims.map((claim) => ({ claim, title: titles.get(claim.workshopSlug) ?? claim.workshopSlug })),
  }
})

export const meta: MetaFunction = () => [{ title: 'Your keys · Keymint' }]

export default function Me() {
  const { person, claims, teams } = useLoaderData<typeof loader>()
  return (
    <PageShell title="Your keys." back={{ to: '/', label: 'All workshops' }}>
      <div className="mt-8">
        {claims.length === 0 ? (
          <EmptyState title="You have no key yet."><p>Pick a workshop from <Link className="prose-link" to="/">the list</Link> and claim one.</p></EmptyState>
        ) : (
          <ul className="divide-y divide-rule border-y border-rule">
            {claims.map(({ claim, title }) => (
              <li key={claim.claimId} className="relative py-5">
                <h2 className="text-lead font-semibold"><Link reloadDocument to={claimUrl(claim.workshopSlug)} className="after:absolute after:inset-0 hover:underline">{title}</Link></h2>
                <p className="text-soft">
                  {headline(claim)} {claim.state === 'ready' && claim.key ? <>{claim.key.left ? `${claim.key.left.text} of ${claim.key.limit.text} left` : `Up to ${claim.key.limit.text}`}, until <Time iso={claim.key.expiresAt} now={claim.asOf} />.</> : null}
                </p>
              </li>
            ))}
          </ul>
        )}
      </div>
      <Section title="Your teams" id="teams"><YourTeams teams={teams} /></Section>
      <Section title="You" id="you">
        <p>{person.displayName}, signed in with {person.provider === 'github' ? 'GitHub' : 'Google'}{person.email ? `, ${person.email}` : ', without a verified email'}.</p>
        <form method="post" action="/sign-out" className="mt-4 flex flex-wrap gap-3">
          <button type="submit" className="button">Sign out</button>
          <button type="submit" name="everywhere" value="yes" className="button" data-kind="quiet">Sign out on all devices</button>
        </form>
      </Section>
    </PageShell>
  )
}
