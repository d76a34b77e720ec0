import { NavLink, useRouteLoaderData } from '@remix-run/react'
import type { HeaderPerson } from '../base/site-header'
import type { ReactNode } from 'react'
import { usePresentLink } from '../../client/use-present-link'
import { tabLink } from '../base/nav-classes'
import { PageShell } from '../base/page-shell'
import {
  adminRequestsUrl,
  adminUrl,
  alertsUrl,
  adminWorkshopUrl,
  auditUrl,
  findUrl,
  queueUrl,
  readinessUrl,
  reconcileUrl,
} from '../../urls'

const places = [
  { to: adminUrl, label: 'Overview' },
  { to: findUrl, label: 'Find' },
  { to: queueUrl, label: 'Queue' },
  { to: reconcileUrl, label: 'Reconcile' },
  { to: alertsUrl, label: 'Alerts' },
  { to: auditUrl, label: 'Audit' },
  { to: readinessUrl, label: 'Readiness' },
] as const

/**
 * A page for staff: the same links on each, a headline, and the full width for tables.
 */
export function AdminShell({
  title,
  lead,
  back,
  requests,
  children,
}: {
  title: string
  lead?: ReactNode
  back?: { to: string; label: string }
  /** Newer counts than those that came with the last navigation. */
  requests?: HeaderPerson['requests']
  children?: ReactNode
}) {
  const row = usePresentLink()
  const root = useRouteLoaderData<{ person: HeaderPerson | null | 'unknown' }>('root')
  const person = root?.person
  // An organizer has their own workshops and nothing else: no link leads to a page they may not see.
  const own = person && person !== 'unknown' && !person.staff ? person.organizes : null
  const waiting = requests ?? (person && person !== 'unknown' ? person.requests : [])
  // First, so that a phone shows them.
  const links = [
    ...waiting.map(({ slug, title: of, count }) => ({
      to: adminRequestsUrl(slug),
      label: waiting.length === 1 ? `Requests (${count})` : `Requests: ${of} (${count})`,
    })),
    ...(own?.map(({ slug, title: label }) => ({ to: adminWorkshopUrl(slug), label })) ?? places),
  ]
  return (
    <>
      <nav aria-label="Admin" className="no-print border-b border-rule">
        <ul ref={row} className="mx-auto flex max-w-wide gap-1 overflow-x-auto px-3">
          {links.map(({ to, label }) => (
            <li key={to}>
              <NavLink to={to} end={to === adminUrl} className={tabLink}>
                {label}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <PageShell
        wide
        dense
        title={title}
        lead={lead}
        {...(back && !(own && back.to === adminUrl) ? { back } : {})}
      >
        {children}
      </PageShell>
    </>
  )
}
