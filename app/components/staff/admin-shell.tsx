import { NavLink } from '@remix-run/react'
import type { ReactNode } from 'react'
import { tabLink } from '../base/nav-classes'
import { PageShell } from '../base/page-shell'
import { adminUrl, auditUrl, findUrl, queueUrl, readinessUrl, reconcileUrl } from '../../urls'

const places = [
  { to: adminUrl, label: 'Overview' },
  { to: findUrl, label: 'Find' },
  { to: queueUrl, label: 'Queue' },
  { to: reconcileUrl, label: 'Reconcile' },
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
  children,
}: {
  title: string
  lead?: ReactNode
  back?: { to: string; label: string }
  children?: ReactNode
}) {
  return (
    <>
      <nav aria-label="Admin" className="no-print border-b border-rule">
        <ul className="mx-auto flex max-w-wide gap-1 overflow-x-auto px-3">
          {places.map(({ to, label }) => (
            <li key={to}>
              <NavLink to={to} end={to === adminUrl} className={tabLink}>
                {label}
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
      <PageShell wide title={title} lead={lead} {...(back ? { back } : {})}>
        {children}
      </PageShell>
    </>
  )
}
