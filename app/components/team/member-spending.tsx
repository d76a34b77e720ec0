import type { MemberView } from '~/domain/team/team-view.server'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { memberMoney, memberName } from './member-columns'

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
    <Table
      label="By member"
      className="min-w-[48rem]"
      rows={members}
      rowKey={(member) => member.userId}
      columns={[
        memberName(slug),
        { head: 'Allocated', right: true, cell: (member) => member.allocated.text },
        ...memberMoney,
        {
          head: 'At the recent pace',
          className: 'text-soft',
          cell: ({ runsOut, spent }) =>
            runsOut ? (
              <>
                spent by <Time iso={runsOut} now={asOf} />
              </>
            ) : spent.usd > 0 ? (
              'lasts the month'
            ) : null,
        },
      ]}
    />
  )
}
