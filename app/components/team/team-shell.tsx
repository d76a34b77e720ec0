import { Link, NavLink } from '@remix-run/react'
import type { ReactNode } from 'react'
import type { MemberRole } from '~/domain/money/roles'
import type { Membership } from '~/domain/team/team.server'
import { usePresentLink } from '../../client/use-present-link'
import { Callout } from '../base/callout'
import { PageShell } from '../base/page-shell'
import { counted } from '../../messages/text'
import { teamUrl } from '../../urls'

export type TeamFrame = Pick<Membership, 'slug' | 'name' | 'role' | 'state' | 'closedAt' | 'waits'>

/** Which roles have a page; `active` pages are hidden from who is suspended. */
const pages = [
  { page: 'dashboard', label: 'Overview', roles: ['owner', 'finance', 'member', 'viewer'] },
  { page: 'my-keys', label: 'Keys', roles: ['owner', 'finance', 'member', 'viewer'] },
  { page: 'store', label: 'Make a key', roles: ['owner', 'finance', 'member'] },
  { page: 'spending', label: 'Spending', roles: ['owner', 'finance', 'member', 'viewer'] },
  { page: 'members', label: 'Members', roles: ['owner', 'finance'], active: true },
  { page: 'vault', label: 'Vault', roles: ['owner'], active: true },
  { page: 'audit', label: 'Audit', roles: ['owner', 'finance'], active: true },
  {
    page: 'notifications',
    label: 'Notifications',
    roles: ['owner', 'finance', 'member', 'viewer'],
  },
] as const satisfies { page: string; label: string; roles: MemberRole[]; active?: true }[]

const hasPage = (team: TeamFrame, page: (typeof pages)[number]) =>
  page.roles.some((role) => role === team.role) &&
  (!('active' in page) || team.state === 'active') &&
  (page.page !== 'store' || team.closedAt === null)

/** What waits on a page: a number, and what a screen reader says. */
function waitingOn(page: string, { requests, decisions }: TeamFrame['waits']): Mark | null {
  if (page === 'members' && requests > 0)
    return {
      count: requests,
      short: counted(requests, 'budget request', 'budget requests'),
      text: `${counted(requests, 'budget request waits', 'budget requests wait')} for a decision`,
    }
  if (page === 'store' && decisions > 0)
    return {
      count: decisions,
      short: counted(decisions, 'decision', 'decisions'),
      text: `${counted(decisions, 'decision', 'decisions')} about your requests`,
    }
  return null
}
type Mark = { count: number; short: string; text: string }

const pageLink = [
  'relative inline-flex min-h-11 items-center border-b-2 border-transparent px-2 whitespace-nowrap text-soft',
  'hover:text-ink aria-[current=page]:border-ink aria-[current=page]:font-semibold',
  'aria-[current=page]:text-ink',
].join(' ')

/** A page of a team: its name, the pages that this person may open, and a headline. */
export function TeamShell({
  team,
  title,
  lead,
  back,
  children,
}: {
  team: TeamFrame
  title: string
  lead?: ReactNode
  back?: { to: string; label: string }
  children?: ReactNode
}) {
  const row = usePresentLink()
  const shown = pages.filter((page) => hasPage(team, page))
  return (
    <>
      <nav aria-label={team.name} className="no-print border-b border-rule">
        <div className="mx-auto flex max-w-wide flex-wrap items-center gap-x-4 px-5">
          <p className="min-w-0 py-2 font-head font-bold [overflow-wrap:anywhere]">{team.name}</p>
          {shown.map(({ page }) => (
            <WaitingLink
              key={page}
              to={teamUrl(team.slug, page)}
              mark={waitingOn(page, team.waits)}
            />
          ))}
          <ul ref={row} className="-mx-2 flex gap-1 overflow-x-auto">
            {shown.map(({ page, label }) => (
              <li key={page}>
                <NavLink to={teamUrl(team.slug, page)} className={pageLink}>
                  {label}
                  <WaitingMark mark={waitingOn(page, team.waits)} />
                </NavLink>
              </li>
            ))}
          </ul>
        </div>
      </nav>
      <PageShell wide title={title} lead={lead} {...(back ? { back } : {})}>
        {team.closedAt ? (
          <div className="mt-6 max-w-read">
            <Callout tone="warning" title="This team is closed">
              <p>
                Its keys have ended, and nobody can make a new one or join. These pages stay as the
                record of what was spent.
              </p>
            </Callout>
          </div>
        ) : null}
        {team.state === 'suspended' && !team.closedAt ? (
          <div className="mt-6 max-w-read">
            <Callout tone="warning" title="You are suspended in this team">
              <p>
                Your keys have ended, and you cannot make new ones until an owner reactivates you.
                You can still read these pages.
              </p>
            </Callout>
          </div>
        ) : null}
        {children}
      </PageShell>
    </>
  )
}

const markLook = [
  'absolute top-0.5 right-0 grid h-4 min-w-4 translate-x-1/3 place-items-center rounded-full',
  'bg-ink px-1 text-[0.6875rem] leading-none font-semibold text-paper',
].join(' ')

/** The same on a phone, where the marked page may lie beyond the end of its row. */
function WaitingLink({ to, mark }: { to: string; mark: Mark | null }) {
  if (mark === null) return null
  return (
    <Link to={to} className="inline-flex min-h-11 items-center text-small prose-link sm:hidden">
      {mark.short}
    </Link>
  )
}

/** A count at the corner of a link, out of its line, so that nothing moves when it comes or goes. */
function WaitingMark({ mark }: { mark: Mark | null }) {
  if (mark === null) return null
  return (
    <>
      <span aria-hidden="true" className={markLook}>
        {mark.count > 99 ? '99+' : mark.count}
      </span>
      <span className="sr-only">, {mark.text}</span>
    </>
  )
}
