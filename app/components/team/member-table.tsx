import { Link } from '@remix-run/react'
import type { MemberView } from '~/domain/team/team-view.server'
import { memberUrl } from '../../urls'
import { EmptyState } from '../base/page-shell'

/** The members with their budgets; a name leads to the member's page. */
export function MemberTable({ slug, members }: { slug: string; members: MemberView[] }) {
  if (members.length === 0) return <EmptyState title="No members" />
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Members">
      <table className="ledger min-w-[56rem]">
        <thead>
          <tr>
            <th scope="col">Member</th>
            <th scope="col">Email</th>
            <th scope="col">Role</th>
            <th scope="col" className="!text-right">
              Budget a month
            </th>
            <th scope="col" className="!text-right">
              Committed
            </th>
            <th scope="col" className="!text-right">
              Spent
            </th>
            <th scope="col" className="!text-right">
              Free
            </th>
            <th scope="col" className="!text-right">
              Live keys
            </th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <tr key={member.userId}>
              <th scope="row" className="!static !border-rule">
                <Link className="prose-link" to={memberUrl(slug, member.userId)}>
                  {member.name}
                </Link>
              </th>
              <td className="text-soft">{member.email ?? 'no verified email'}</td>
              <td>
                {member.role}
                {member.state === 'suspended' ? ', suspended' : ''}
              </td>
              <td className="text-right whitespace-nowrap">
                {member.allocated.text}
                {member.next.usd === member.allocated.usd ? (
                  ''
                ) : (
                  <span className="block text-small text-soft">
                    {member.next.text} from next month
                  </span>
                )}
              </td>
              <td className="text-right">{member.committed.text}</td>
              <td className="text-right">{member.spent.text}</td>
              <td className={`text-right ${member.short ? 'text-brick-ink' : ''}`}>
                {member.free.text}
                {member.short ? ' (short)' : ''}
              </td>
              <td className="text-right">{member.liveKeys}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
