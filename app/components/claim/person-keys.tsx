import type { ClaimView } from '~/domain/claim/view-types'
import { Button } from '../base/button'
import { headline } from './claim-phase'
import { EmptyState } from '../base/page-shell'
import { Ago, Time } from '../base/time'
import { capNote } from './workshop-facts'

export type OwnClaim = { claim: ClaimView; title: string; url: string }

/** Every claim of a person, each a link to its own page; a live one can be given back from here. */
export function PersonKeys({ claims }: { claims: OwnClaim[] }) {
  if (claims.length === 0)
    return (
      <EmptyState title="You have no key yet">
        <p>
          Pick a workshop from{' '}
          <a className="prose-link" href="/">
            the list
          </a>{' '}
          and claim one.
        </p>
      </EmptyState>
    )
  return (
    <ul className="divide-y divide-rule border-y border-rule">
      {claims.map((own) => (
        <OwnKey key={own.claim.claimId} {...own} />
      ))}
    </ul>
  )
}

function OwnKey({ claim, title, url }: OwnClaim) {
  const live = claim.state === 'ready' || claim.state === 'pending'
  return (
    <li className="py-5">
      <h3 className="text-lead font-semibold">
        <a href={url} className="hover:underline">
          {title}
        </a>
      </h3>
      <p className="text-soft">
        {headline(claim)}. <KeyFacts claim={claim} />
      </p>
      {claim.key ? <p className="font-mono text-small text-soft">{claim.key.label}</p> : null}
      {live ? (
        <details className="mt-1">
          <summary className="inline-flex min-h-11 items-center prose-link">
            {claim.state === 'ready' ? 'Give this key back' : 'Give this claim back'}
          </summary>
          <form method="post" action="/me" className="mt-2 space-y-3">
            <input type="hidden" name="claimId" value={claim.claimId} />
            <p>
              {claim.state === 'ready'
                ? 'We disable the key for good, and others can use what is left. Programs that use it get “401”.'
                : 'You get no key, and your place goes to somebody else.'}
            </p>
            <Button type="submit" name="intent" value="give-back">
              Give it back
            </Button>
          </form>
        </details>
      ) : null}
    </li>
  )
}

function KeyFacts({ claim }: { claim: ClaimView }) {
  const { key } = claim
  if (!key) return null
  const limit = key.limitReset ? `${key.limit.text} ${capNote(key.limitReset)}` : key.limit.text
  if (claim.state !== 'ready') return key.usedTotal ? <>You spent {key.usedTotal.text}.</> : null
  return (
    <>
      {key.budgetFollows
        ? 'Your budget follows in about a minute'
        : key.left
          ? `${key.left.text} of ${limit} left`
          : `Up to ${limit}`}
      .{' '}
      {/* Lines of their own: both become longer once the page counts, and once it knows the zone. */}
      {key.usageAsOf ? (
        <span className="block text-small">
          As of <Ago iso={key.usageAsOf} asOf={claim.asOf} />.
        </span>
      ) : null}
      <span className="block text-small">
        Expires <Time short iso={key.expiresAt} now={claim.asOf} />.
      </span>
    </>
  )
}
