import { data, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { Button, ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { ChevronIcon } from '~/components/base/icons'
import { PageShell } from '~/components/base/page-shell'
import { ProviderButtons } from '~/components/base/provider-buttons'
import { findInvitingTeam } from '~/domain/team/invitations.server'
import { invitationOfPath, workshopOfPath, workshopUrl } from '~/urls'
import { nameBrowser } from '~/web/browser.server'
import { handler } from '~/web/handler.server'
import { getViewerOrOutage, safeReturnTo } from '~/web/session.server'
import { findSignInProblem, providerNames } from '~/web/sign-in-problems'

export const loader = handler(async ({ request, ctx, auth }) => {
  const query = new URL(request.url).searchParams
  const found = await getViewerOrOutage({ request, ctx, auth })
  const outage = found === 'database-unavailable'
  const viewer =
    outage || !found
      ? null
      : {
          displayName: found.displayName,
          email: found.email,
          provider: providerNames[found.provider],
        }
  const returnTo = safeReturnTo(query.get('returnTo'))
  // Of the files alone, so that it also works without the database.
  const slug = workshopOfPath(returnTo)?.slice('/w/'.length) ?? ''
  const workshop = ctx.workshops.workshops.get(slug)
  const invitation = outage ? null : invitationOfPath(returnTo)
  return data(
    {
      viewer,
      returnTo,
      invitingTeam: invitation && (await findInvitingTeam(ctx, invitation)),
      workshop: workshop ? { slug, title: workshop.title, providers: workshop.providers } : null,
      problem: findSignInProblem(
        outage ? 'database_unavailable' : query.get('error'),
        query.get('provider'),
      ),
    },
    {
      status: outage ? 503 : 200,
      headers: {
        'Cache-Control': 'no-store',
        ...(outage ? { 'Retry-After': '5' } : {}),
        ...(await nameBrowser({ request, auth })),
      },
    },
  )
})

export const meta: MetaFunction<typeof loader> = ({ data: page }) => [
  { title: page?.problem ? `${page.problem.title} · Keymint` : 'Sign in · Keymint' },
]

export default function SignIn() {
  const { viewer, returnTo, invitingTeam, workshop, problem } = useLoaderData<typeof loader>()
  return (
    <PageShell
      title="Sign in"
      back={
        workshop
          ? { to: workshopUrl(workshop.slug), label: workshop.title }
          : { to: '/', label: 'All workshops' }
      }
      lead={
        viewer ? null : workshop ? (
          <>
            For your key to <strong className="text-ink">{workshop.title}</strong>. No new password
            needed.
          </>
        ) : invitingTeam ? (
          <>
            To join <strong className="text-ink">{invitingTeam}</strong>. No new password needed.
          </>
        ) : (
          'No new password needed.'
        )
      }
    >
      {problem ? (
        <div role="alert" data-code={problem.code} className="mt-6">
          <Callout tone="warning" title={problem.title}>
            <p>{problem.meaning}</p>
            <p>{problem.next}</p>
          </Callout>
        </div>
      ) : null}

      {viewer ? (
        <section aria-label="Signed in" className="mt-6 space-y-4">
          <p className="[overflow-wrap:anywhere]">
            You are signed in as <strong>{viewer.displayName}</strong>
            {viewer.email ? ` (${viewer.email})` : ''} with {viewer.provider}.
          </p>
          <div className="flex flex-wrap gap-3">
            <ButtonLink kind="ink" to={returnTo}>
              Continue
            </ButtonLink>
            <form method="post" action="/sign-out">
              <input type="hidden" name="returnTo" value={workshopOfPath(returnTo) ?? '/'} />
              <Button type="submit">Sign out</Button>
            </form>
          </div>
          <h2 className="pt-4 text-head">Use another account</h2>
        </section>
      ) : null}

      <div className="mt-6">
        <ProviderButtons providers={workshop?.providers ?? both} returnTo={returnTo} />
      </div>

      <div className="mt-10 border-t border-rule pt-2">
        <Fold title="What we store">
          We store your name, the address of your picture, your email if it is verified, and which
          browser you signed in with. From your GitHub or Google account we store its name, id and
          age. We keep no password and no token, so we cannot do anything in that account.
        </Fold>
        <Fold title="Opened this from Slack, WhatsApp or another app?">
          Google does not let you sign in inside another app, and you have to finish in the browser
          in which you started. Open this page in Safari, Chrome or Firefox.
        </Fold>
      </div>
    </PageShell>
  )
}

const both = ['github', 'google'] as const

function Fold({ title, children }: { title: string; children: string }) {
  return (
    <details className="group">
      <summary className="flex min-h-11 list-none items-center gap-2 font-semibold">
        <span className="transition-transform duration-150 group-open:rotate-90">
          <ChevronIcon size={18} />
        </span>
        {title}
      </summary>
      <p className="pb-3 pl-6.5 text-soft">{children}</p>
    </details>
  )
}
