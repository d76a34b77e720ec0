/** Two accounts of one person, side by side, and the button that joins them. */
import type { JoinSide, JoinView } from '~/domain/people/join-accounts.server'
import { joinAccountsUrl } from '~/urls'
import { Button, ButtonLink } from '../base/button'
import { providerTitles } from '../base/provider-buttons'

export function JoinAccounts({ join, returnTo }: { join: JoinView; returnTo: string }) {
  const [earlier, current] = join.sides
  const [kept, dropped] = join.keep === 'current' ? [current, earlier] : [earlier, current]
  return (
    <div className="mt-6 space-y-6">
      <p>
        You signed in with {providerTitles[current.provider]} just now, and it opened another
        account than {providerTitles[earlier.provider]} did before.
      </p>
      <ul className="divide-y divide-rule border-y border-rule">
        {join.sides.map((side, index) => (
          <Side key={index} side={side} />
        ))}
      </ul>
      {join.keep === null ? (
        <ButtonLink kind="ink" to={returnTo}>
          Continue
        </ButtonLink>
      ) : (
        <>
          <p>
            If you join them, both sign-ins open your {providerTitles[kept.provider]} account. The
            other account is empty and goes away. You can disconnect{' '}
            {providerTitles[dropped.provider]} again later.
          </p>
          <form
            method="post"
            action={joinAccountsUrl()}
            className="flex flex-wrap items-center gap-3"
          >
            <input type="hidden" name="returnTo" value={returnTo} />
            <Button type="submit" kind="ink">
              Join the two accounts
            </Button>
            <ButtonLink to={returnTo}>Keep them apart</ButtonLink>
          </form>
        </>
      )}
    </div>
  )
}

function Side({ side }: { side: JoinSide }) {
  const holds = [
    side.claims > 0 ? (side.claims === 1 ? '1 claim' : `${side.claims} claims`) : null,
    side.teams > 0 ? (side.teams === 1 ? '1 team' : `${side.teams} teams`) : null,
  ].filter(Boolean)
  return (
    <li className="py-4">
      <h2 className="font-semibold">
        {providerTitles[side.provider]}
        {side.current ? ', in use now' : ''}
      </h2>
      <p className="[overflow-wrap:anywhere] text-soft">
        <bdi>{[side.login, side.email ?? 'no verified email'].filter(Boolean).join(', ')}</bdi>
        {`; ${holds.length > 0 ? holds.join(', ') : 'no keys and no teams'}`}
      </p>
    </li>
  )
}
