import { data, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
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
      headers: { 'Cache-Control': 'no-store', ...(outage ? { 'Retry-After': '5' } : {}) },
    },
  )
})

export const meta: MetaFunction<typeof loader> = ({ data: page }) => [
  { title: page?.problem ? `${page.problem.title} · Keymint` : 'Sign in · Keymint' },
]

export default function SignIn() {
  const { viewer, returnTo, problem } = useLoaderData<typeof loader>()
  return (
    <main id="main" className="sign-in">
      {problem ? (
        <section role="alert" className="problem" data-code={problem.code}>
          <p>
            <strong>{problem.title}</strong>
          </p>
          <p>{problem.meaning}</p>
          <p>{problem.next}</p>
        </section>
      ) : null}

      <h1>Sign in</h1>
      {viewer ? (
        <section aria-label="Signed in">
          <p>
            You are signed in as <strong>{viewer.displayName}</strong>
            {viewer.email ? ` (${viewer.email})` : ''} with {viewer.provider}.
          </p>
          <p>
            <a href={returnTo}>Continue</a>
          </p>
          <form method="post" action="/sign-out">
            <button type="submit">Sign out</button>
          </form>
          <h2>Use another account</h2>
        </section>
      ) : (
        <p>
          Use the account that the organiser will know you by. It takes two clicks, and there is no
          password to make up.
        </p>
      )}

      <div className="providers">
        <ProviderForm provider="github" returnTo={returnTo} />
        <ProviderForm provider="google" returnTo={returnTo} />
      </div>

      <section aria-labelledby="what-we-store">
        <h2 id="what-we-store">What we store</h2>
        <p>
          Your name, the address of your picture, your account’s name, id and age at the provider,
          your email if the provider says that it is verified, and which browser you signed in with.
          We keep no password and no token: after the sign-in we can do nothing in your GitHub or
          Google account.
        </p>
      </section>
      <section aria-labelledby="in-app">
        <h2 id="in-app">Opened this from Slack, WhatsApp or another app?</h2>
        <p>
          Google refuses to sign you in inside another app, and a sign-in must end in the browser in
          which it began. Open this page in Safari, Chrome or Firefox.
        </p>
      </section>
    </main>
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
      <button type="submit" className={`provider provider-${provider}`}>
        Continue with {providerNames[provider]}
      </button>
    </form>
  )
}
