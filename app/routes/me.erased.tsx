import type { MetaFunction } from '@remix-run/node'
import { ButtonLink } from '~/components/base/button'
import { PageShell } from '~/components/base/page-shell'

export const meta: MetaFunction = () => [{ title: 'Account deleted · Keymint' }]

/** Shown after an account is deleted. It holds nothing personal, so that anybody may open it. */
export default function Erased() {
  return (
    <PageShell
      title="Your data is deleted"
      lead="We deleted your name, email, sign-ins and sessions. You are signed out everywhere."
    >
      <p className="mt-4">
        Signing in again creates a new account. In workshops that were open when you left, you still
        count as having had a key.
      </p>
      <div className="mt-8">
        <ButtonLink to="/">See all workshops</ButtonLink>
      </div>
    </PageShell>
  )
}
