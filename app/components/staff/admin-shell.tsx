import { NavLink } from '@remix-run/react'
import type { ReactNode } from 'react'
import { PageShell } from '../base/page-shell'

const places = [
  { to: '/admin', label: 'Overview' },
  { to: '/admin/queue', label: 'Queue' },
  { to: '/admin/reconcile', label: 'Reconcile' },
  { to: '/admin/audit', label: 'Audit' },
  { to: '/admin/doctor', label: 'Doors open?' },
] as const

/**
 * A page for staff: the same five places on each, a headline that is a sentence, and the full width
 * for tables.
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
              <NavLink
                to={to}
                end={to === '/admin'}
                className="inline-flex min-h-11 items-center border-b-2 border-transparent px-2 whitespace-nowrap text-soft hover:text-ink aria-[current=page]:border-ink aria-[current=page]:font-semibold aria-[current=page]:text-ink"
              >
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
