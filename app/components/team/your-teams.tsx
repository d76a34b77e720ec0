import { Link } from '@remix-run/react'
import type { MemberRole } from '~/domain/money/roles'
import { teamUrl } from '../../urls'
import { asRole } from './role-messages'

/** The teams of a person, and a link to make one. */
export function YourTeams({
  teams,
}: {
  teams: { slug: string; name: string; role: MemberRole; closed: boolean }[]
}) {
  return (
    <>
      {teams.length === 0 ? (
        <p className="text-soft">You are not in a team yet. An owner of a team can invite you.</p>
      ) : (
        <ul className="divide-y divide-rule border-y border-rule">
          {teams.map((team) => (
            <li key={team.slug}>
              <Link
                to={teamUrl(team.slug, 'dashboard')}
                className="inline-flex min-h-11 items-center font-semibold prose-link"
              >
                {team.name}
              </Link>{' '}
              <span className="text-soft">
                as {asRole[team.role]}
                {team.closed ? ', closed' : ''}
              </span>
            </li>
          ))}
        </ul>
      )}
      <p className="mt-4">
        <Link className="button" to="/t/new">
          Make a team
        </Link>
      </p>
    </>
  )
}
