import type { MetaFunction } from '@remix-run/node'
import { ButtonLink } from '~/components/base/button'
import { PageShell } from '~/components/base/page-shell'

export const meta: MetaFunction = () => [{ title: 'Erased · Keymint' }]

/** Where erasure ends. It shows nothing of anybody, so that anybody may see it. */
export default function Erased() {
  return (
    <PageShell
      title="We have forgotten you."
      lead="Your name, email, sign-ins and sessions are deleted, and you are signed out everywhere."
    >
      <p className="mt-4">
        If you sign in again, we meet for the first time. In a workshop that was open when you left,
        you still count as somebody who has had a key.
      </p>
      <div className="mt-8">
        <ButtonLink to="/">See all workshops</ButtonLink>
      </div>
    </PageShell>
  )
}
