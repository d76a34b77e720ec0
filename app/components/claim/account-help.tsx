/** What stands between the account one is signed in with and a key, with the button that mends it. */
import type { RefusedReason } from '~/domain/claim/claim.server'
import type { WorkshopView } from '~/domain/workshop/view-types'
import { notTakenMessages } from './claim-messages'
import { Button } from '../base/button'
import { ProviderButtons, providerTitles, type ProviderName } from '../base/provider-buttons'
import { Time } from '../base/time'

/** Who is signed in: on a refusal one must see which account it is about. */
export type Account = { name: string; email: string | null; provider: ProviderName }

const mendable: ReadonlySet<RefusedReason> = new Set<RefusedReason>([
  'wrong-provider',
  'no-verified-email',
  'email-already-claimed',
  'account-too-new',
  'wrong-domain',
  'not-on-roster',
])

/** Whether another account, or the same one after a change at its provider, gets a key. */
export const isMendable = (reason: RefusedReason) => mendable.has(reason)

export function AccountHelp({
  reason,
  until,
  claimedWith,
  account,
  workshop,
  returnTo,
}: {
  reason: RefusedReason
  /** When the account is old enough (ISO UTC), where that is known. */
  until: string | null
  /** How the other claim with this email was signed in, where that is known. */
  claimedWith: ProviderName | null
  account: Account
  workshop: Pick<WorkshopView, 'providers' | 'asOf'>
  /** The workshop's page: sign-in and sign-out end there. */
  returnTo: string
}) {
  const others = workshop.providers.filter((provider) => provider !== account.provider)
  const unverified = reason === 'no-verified-email'
  const offered =
    claimedWith && claimedWith !== account.provider
      ? [claimedWith]
      : unverified
        ? [account.provider, ...others]
        : others
  return (
    <div className="space-y-4">
      <p className="[overflow-wrap:anywhere]">
        You are signed in as <bdi>{account.name}</bdi>
        {account.email ? ` (${account.email})` : ''} with {providerTitles[account.provider]}.
      </p>
      {claimedWith && claimedWith !== account.provider ? (
        <p>
          You claimed with {providerTitles[claimedWith]}. Your key is there, and once you have
          signed in with both you can join the two accounts:
        </p>
      ) : null}
      {unverified && account.provider === 'github' ? (
        <p>
          <a className="button" href="https://github.com/settings/emails" rel="noreferrer">
            Verify it at GitHub
          </a>
        </p>
      ) : null}
      {reason === 'wrong-domain' || reason === 'not-on-roster' ? (
        <p>{notTakenMessages[reason].next}</p>
      ) : null}
      {until ? (
        <p>
          It is old enough from <Time iso={until} now={workshop.asOf} />. Come back then and claim.
        </p>
      ) : null}
      {unverified ? <p>Then sign in once more, so that we hear of it:</p> : null}
      {offered.length > 0 ? <ProviderButtons providers={offered} returnTo={returnTo} /> : null}
      <form method="post" action="/sign-out">
        <input type="hidden" name="returnTo" value={returnTo} />
        <Button type="submit" kind="quiet">
          {offered.length > 0 ? 'Sign out' : 'Sign out, to use another account'}
        </Button>
      </form>
    </div>
  )
}
