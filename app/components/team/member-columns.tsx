import { Link } from '@remix-run/react'
import type { MemberView } from '~/domain/team/team-view.server'
import { memberUrl } from '../../urls'
import type { Column } from '../base/table'

/** Who it is; the name leads to the member's page for whoever may open it. */
export const memberName = (slug: string, links = true): Column<MemberView> => ({
  head: 'Member',
  header: true,
  className: '[overflow-wrap:anywhere]',
  cell: (member) => (
    <>
      {links ? (
        <Link className="prose-link" to={memberUrl(slug, member.userId)}>
          {member.name}
        </Link>
      ) : (
        member.name
      )}
      {member.role === 'service' ? (
        <span className="block text-small font-normal text-soft">service account</span>
      ) : null}
    </>
  ),
})

/** The member's money of this month, and how many keys can still spend it. */
export const memberMoney: Column<MemberView>[] = [
  { head: 'Committed', right: true, named: true, cell: (member) => member.committed.text },
  { head: 'Spent', right: true, named: true, cell: (member) => member.spent.text },
  {
    head: 'Free',
    right: true,
    named: true,
    className: (member) => (member.short ? 'text-brick-ink' : undefined),
    cell: (member) => `${member.free.text}${member.short ? ' (short)' : ''}`,
  },
  { head: 'Live keys', right: true, named: true, cell: (member) => member.liveKeys },
]
