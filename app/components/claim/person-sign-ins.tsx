import type { LinkedSignIn } from '~/domain/people/person.server'
import type { SessionView } from '~/domain/people/session.server'
import { browserName } from './browser-name'
import { Button } from '../base/button'
import { Ago, Time } from '../base/time'

type Provider = 'github' | 'google'
const names: Record<Provider, string> = { github: 'GitHub', google: 'Google' }

/** The sign-ins, the one in use marked; how to add the other, and how to disconnect one. */
export function PersonSignIns({
  signIns,
  email,
  current,
  twin,
  asOf,
}: {
  signIns: LinkedSignIn[]
  email: string | null
  current: Provider
  /** The provider of another account with the same email. */
  twin: Provider | null
  asOf: string
}) {
  const missing = (['github', 'google'] as const).filter(
    (provider) => !signIns.some((signIn) => signIn.provider === provider),
  )
  return (
    <>
      <ul className="divide-y divide-rule border-y border-rule">
        {signIns.map((signIn) => (
          <li
            key={signIn.provider}
            className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-4"
          >
            <div className="min-w-0">
              <h3 className="font-semibold">
                {names[signIn.provider]}{' '}
                {signIn.provider === current ? <Mark>in use now</Mark> : null}
              </h3>
              <p className="[overflow-wrap:anywhere] text-soft">
                {[signIn.login, signIn.email ?? 'no verified email'].filter(Boolean).join(', ')};
                last used <Ago iso={signIn.lastUsedAt} asOf={asOf} />
              </p>
            </div>
            {signIns.length > 1 && signIn.provider !== current ? (
              <form method="post" action="/me">
                <input type="hidden" name="provider" value={signIn.provider} />
                <Button
                  type="submit"
                  name="intent"
                  value="unlink"
                  aria-label={`Disconnect ${names[signIn.provider]}`}
                >
                  Disconnect
                </Button>
              </form>
            ) : null}
          </li>
        ))}
      </ul>
      {signIns.length > 1 ? (
        <p className="mt-3 text-soft">
          To disconnect {names[current]}, sign in with the other one first.
        </p>
      ) : null}
      {missing.map((provider) => (
        <form key={provider} method="post" action={`/auth/${provider}`} className="mt-4 space-y-2">
          <input type="hidden" name="returnTo" value="/me" />
          <Button type="submit">Add {names[provider]}</Button>
          <p className="text-soft">
            {provider === twin ? (
              <>
                You have another account that you sign in to with {names[provider]} and the same
                email. Sign in with it here, and you can join the two if one of them is empty.
              </>
            ) : email ? (
              <>
                {names[provider]} must have verified{' '}
                <span className="[overflow-wrap:anywhere]">{email}</span>, too. Use the same email,
                or you’ll end up in a different account.
              </>
            ) : (
              <>
                Both need the same verified email, and your {names[current]} account has none. You
                would end up in a different account.
              </>
            )}
          </p>
        </form>
      ))}
    </>
  )
}

/** The browsers that are signed in; any of them can be signed out from here. */
export function PersonSessions({ sessions, asOf }: { sessions: SessionView[]; asOf: string }) {
  return (
    <>
      <ul className="divide-y divide-rule border-y border-rule">
        {sessions.map((session) => (
          <li
            key={session.label}
            className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-4"
          >
            <div className="min-w-0">
              <h3 className="font-semibold">
                {browserName(session.userAgent)}{' '}
                {session.current ? <Mark>this browser</Mark> : null}
              </h3>
              <p className="text-soft">
                Signed in with {names[session.provider]}{' '}
                <Time short iso={session.createdAt} now={asOf} />; last seen{' '}
                <Ago iso={session.lastSeenAt} asOf={asOf} />
              </p>
            </div>
            {session.current ? (
              <form method="post" action="/sign-out">
                <Button type="submit">Sign out</Button>
              </form>
            ) : (
              <form method="post" action="/me">
                <input type="hidden" name="label" value={session.label} />
                <Button
                  type="submit"
                  name="intent"
                  value="end-session"
                  aria-label={`Sign out ${browserName(session.userAgent)}`}
                >
                  Sign out
                </Button>
              </form>
            )}
          </li>
        ))}
      </ul>
      {sessions.length > 1 ? (
        <form method="post" action="/me" className="mt-4">
          <Button type="submit" name="intent" value="end-others">
            Sign out everywhere else
          </Button>
        </form>
      ) : null}
    </>
  )
}

function Mark({ children }: { children: string }) {
  return (
    <span className="ml-1 rounded-tag border border-edge px-1.5 py-0.5 text-small font-normal text-soft">
      {children}
    </span>
  )
}
