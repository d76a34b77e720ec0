import { Link } from '@remix-run/react'
import type { MemberView } from '~/domain/team/team-view.server'
import { memberUrl } from '../../urls'
import { Time } from '../base/time'

/** What each member has this month, and whether it lasts. */
export function MemberSpending({
  slug,
  members,
  asOf,
}: {
  slug: string
  members: MemberView[]
  asOf: string
}) {
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="By member">
      <table className="ledger min-w-[48rem]">
        <thead>
          <tr>
            <th scope="col">Member</th>
            <th scope="col" className="!text-right">
              Allocated
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
              Keys
            </th>
            <th scope="col">At the recent pace</th>
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
              <td className="text-right">{member.allocated.text}</td>
              <td className="text-right">{member.committed.text}</td>
              <td className="text-right">{member.spent.text}</td>
              <td className={`text-right ${member.short ? 'text-brick-ink' : ''}`}>
                {member.free.text}
                {member.short ? ' (short)' : ''}
              </td>
              <td className="text-right">{member.liveKeys}</td>
              <td className="text-soft">
                {member.runsOut ? (
                  <>
                    spent by <Time iso={member.runsOut} now={asOf} />
                  </>
                ) : member.spent.usd > 0 ? (
                  'lasts the month'
                ) : (
                  ''
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
