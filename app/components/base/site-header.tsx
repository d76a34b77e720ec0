import { Link, useLocation } from '@remix-run/react'
import { MintMark } from './icons'
import { adminWorkshopUrl, teamUrl, workshopOfPath } from '../../urls'

/** `staff` may open the pages under /admin. */
export type HeaderPerson = {
  displayName: string
  staff: boolean
  /** Workshops whose file names this person as an organizer. */
  organizes: { slug: string; title: string }[]
  teams: { slug: string; name: string }[]
  /** Requests for a higher limit that this person may decide, or see, by workshop. */
  requests: { slug: string; title: string; count: number }[]
}

/** `unknown` while the database is unreachable: then there is neither sign-in nor sign-out. */
export function SiteHeader({ person }: { person: HeaderPerson | null | 'unknown' }) {
  const { pathname } = useLocation()
  const workshop = workshopOfPath(pathname)
  const links = person !== null && person !== 'unknown' ? linkCount(person) : 0
  return (
    <header className="no-print border-b border-rule">
      <div className="mx-auto flex min-h-16 max-w-wide flex-wrap items-center justify-between gap-x-2 px-5">
        <Link
          to="/"
          className="inline-flex min-h-11 items-center gap-2.5 font-head text-lead font-bold tracking-tight"
        >
          <span className="text-mint-ink">
            <MintMark />
          </span>
          Keymint
        </Link>
        {person === 'unknown' ? null : (
          <nav
            aria-label="You"
            className={[
              'flex min-w-0 items-center gap-x-1 max-sm:-mx-2',
              links > 0 ? 'max-sm:grow max-sm:basis-full' : '',
              // The name of the one team is cut where the row has no room.
              person && person.teams.length === 1 ? 'max-sm:flex-nowrap' : '',
              'flex-wrap',
            ].join(' ')}
          >
            {person ? (
              <>
                {person.staff ? (
                  <Link to="/admin" className="inline-flex min-h-11 items-center px-2 prose-link">
                    Admin
                  </Link>
                ) : null}
                {!person.staff && person.organizes[0] ? (
                  <Link
                    to={adminWorkshopUrl(person.organizes[0].slug)}
                    className="inline-flex min-h-11 items-center px-2 prose-link"
                  >
                    Organize
                  </Link>
                ) : null}
                <Teams teams={person.teams} />
                <Link
                  to="/me"
                  className="inline-flex min-h-11 items-center px-2 prose-link sm:min-w-0"
                  aria-label={`Your keys: ${person.displayName}`}
                >
                  <span className="whitespace-nowrap sm:hidden">Your keys</span>
                  <span className="hidden max-w-[16rem] truncate sm:inline">
                    {person.displayName}
                  </span>
                </Link>
                <form method="post" action="/sign-out" className="max-sm:ml-auto">
                  {workshop ? <input type="hidden" name="returnTo" value={workshop} /> : null}
                  <button type="submit" className="button whitespace-nowrap" data-kind="quiet">
                    Sign out
                  </button>
                </form>
              </>
            ) : pathname === '/sign-in' ? null : (
              <Link
                to={
                  pathname === '/'
                    ? '/sign-in'
                    : `/sign-in?returnTo=${encodeURIComponent(pathname)}`
                }
                className="button"
                data-kind="quiet"
              >
                Sign in
              </Link>
            )}
          </nav>
        )}
      </div>
    </header>
  )
}

/** Of links beside those that everybody has; with one of them a phone gives all a row of their own. */
const linkCount = ({ staff, organizes, teams }: HeaderPerson) =>
  Number(staff) + organizes.length + teams.length

/** One team is a link; several are a list that works without a script. */
function Teams({ teams }: { teams: HeaderPerson['teams'] }) {
  const [only] = teams
  if (!only) return null
  if (teams.length === 1)
    return (
      <Link
        to={teamUrl(only.slug, 'dashboard')}
        className="inline-flex min-h-11 min-w-0 items-center px-2 prose-link sm:max-w-[10rem]"
      >
        <span className="truncate">{only.name}</span>
      </Link>
    )
  return (
    <details className="relative">
      <summary className="inline-flex min-h-11 items-center px-2 prose-link">Teams</summary>
      <ul className="absolute right-0 z-10 mt-1 w-56 rounded-box border border-edge bg-raised py-2">
        {teams.map((team) => (
          <li key={team.slug}>
            <Link
              to={teamUrl(team.slug, 'dashboard')}
              className="flex min-h-11 items-center px-4 hover:underline"
            >
              {team.name}
            </Link>
          </li>
        ))}
      </ul>
    </details>
  )
}
