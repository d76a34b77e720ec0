import type { LinkedSignIn } from '~/domain/people/person.server'
import type { SessionView } from '~/domain/people/session.server'
import { browserWords } from './browser-words'
import { Button } from '../base/button'
import { Ago, Time } from '../base/time'

type Provider = 'github' | 'google'
const names: Record<Provider, string> = { github: 'GitHub', google: 'Google' }

/** The ways in, the one in use marked; how to add the other, and how to take one off. */
export function PersonSignIns({
  signIns,
  email,
  current,
  asOf,
}: {
  signIns: LinkedSignIn[]
  email: string | null
  current: Provider
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
                  aria-label={`Take ${names[signIn.provider]} off this account`}
                >
                  Take off
                </Button>
              </form>
            ) : null}
          </li>
        ))}
      </ul>
      {signIns.length > 1 ? (
        <p className="mt-3 text-soft">
          To take off {names[current]}, sign in with the other one first.
        </p>
      ) : null}
      {missing.map((provider) => (
        <form key={provider} method="post" action={`/auth/${provider}`} className="mt-4 space-y-2">
          <input type="hidden" name="returnTo" value="/me" />
          <Button type="submit">Add {names[provider]}</Button>
          <p className="text-soft">
            {email ? (
              <>
                It is added if {names[provider]} says that{' '}
                <span className="[overflow-wrap:anywhere]">{email}</span> is yours there, too. With
                another address you would be signed in as somebody else.
              </>
            ) : (
              <>
                It can only be added by a verified email that both have, and {names[current]} told
                us of none. You would be signed in as somebody else.
              </>
            )}
          </p>
        </form>
      ))}
    </>
  )
}

/** The browsers that are signed in, in words; any of them can be signed out from here. */
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
                {browserWords(session.userAgent)} {session.current ? <Mark>this one</Mark> : null}
              </h3>
              <p className="text-soft">
                Signed in with {names[session.provider]} <Time iso={session.createdAt} now={asOf} />
                ; seen <Ago iso={session.lastSeenAt} asOf={asOf} />
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
                  aria-label={`Sign out ${browserWords(session.userAgent)}`}
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
