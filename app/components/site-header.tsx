import { Link, useLocation } from '@remix-run/react'
import { MintMark } from './icons'

/** `staff` may open the pages under /admin. */
export type HeaderPerson = { displayName: string; staff: boolean }

/** `unknown` when the database could not say who this is: then neither sign-in nor sign-out is offered. */
export function SiteHeader({ person }: { person: HeaderPerson | null | 'unknown' }) {
  const { pathname } = useLocation()
  return (
    <header className="no-print border-b border-rule">
      <div className="mx-auto flex min-h-16 max-w-wide flex-wrap items-center justify-between gap-x-2 px-5">
        <Link to="/" className="inline-flex min-h-11 items-center gap-2.5 font-head text-lead font-bold tracking-tight">
          <span className="text-mint-ink"><MintMark /></span>
          Keymint
        </Link>
        {person === 'unknown' ? null : (
          <nav aria-label="You" className="flex min-w-0 items-center gap-1">
            {person ? (
              <>
                {person.staff ? <Link to="/admin" className="prose-link inline-flex min-h-11 items-center px-2">Admin</Link> : null}
                <Link to="/me" className="prose-link inline-flex min-h-11 min-w-0 items-center px-2" aria-label={`Your keys: ${person.displayName}`}>
                  <span className="sm:hidden">Your keys</span>
                  <span className="hidden max-w-[16rem] truncate sm:inline">{person.displayName}</span>
                </Link>
                <form method="post" action="/sign-out">
                  <button type="submit" className="button" data-kind="quiet">Sign out</button>
                </form>
              </>
            ) : pathname === '/sign-in' ? null : (
              <Link to={pathname === '/' ? '/sign-in' : `/sign-in?returnTo=${encodeURIComponent(pathname)}`} className="button" data-kind="quiet">Sign in</Link>
            )}
          </nav>
        )}
      </div>
    </header>
  )
}
