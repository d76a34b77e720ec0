import { data, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { Button, ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { PageShell, Section } from '~/components/base/page-shell'
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
  return data(
    {
      viewer,
      returnTo: safeReturnTo(query.get('returnTo')),
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
  const { viewer, returnTo, problem } = useLoaderData<typeof loader>()
  return (
    <PageShell
      title="Sign in"
      lead={viewer ? null : 'Use the account that the organiser knows. No new password needed.'}
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
              <Button type="submit">Sign out</Button>
            </form>
          </div>
          <h2 className="pt-4 text-head">Use another account</h2>
        </section>
      ) : null}

      <div className="mt-6 grid max-w-96 gap-3">
        <ProviderForm provider="github" returnTo={returnTo} />
        <ProviderForm provider="google" returnTo={returnTo} />
      </div>

      <Section title="What we store" id="what-we-store">
        <p className="text-soft">
          We store your name, the address of your picture, your email if it is verified, and which
          browser you signed in with. From your GitHub or Google account we store its name, id and
          age. We keep no password and no token, so we cannot do anything in that account.
        </p>
      </Section>
      <Section title="Opened this from Slack, WhatsApp or another app?" id="in-app">
        <p className="text-soft">
          Google does not let you sign in inside another app, and you have to finish in the browser
          in which you started. Open this page in Safari, Chrome or Firefox.
        </p>
      </Section>
    </PageShell>
  )
}

function ProviderForm({
  provider,
  returnTo,
}: {
  provider: keyof typeof providerNames
  returnTo: string
}) {
  return (
    <form method="post" action={`/auth/${provider}`}>
      <input type="hidden" name="returnTo" value={returnTo} />
      <Button type="submit" kind="ink" large className="w-full">
        Continue with {providerNames[provider]}
      </Button>
    </form>
  )
}
