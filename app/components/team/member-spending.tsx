import type { MemberView } from '~/domain/team/team-view.server'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { memberMoney, memberName } from './member-columns'

/** What each member has this month, and whether it lasts. */
export function MemberSpending({
  slug,
  members,
  links,
  asOf,
}: {
  slug: string
  /** Whether the reader may open the members' pages. */
  links: boolean
  members: MemberView[]
  asOf: string
}) {
  return (
    <Table
      label="By member"
      stacked
      className="sm:min-w-[48rem]"
      rows={members}
      rowKey={(member) => member.userId}
      columns={[
        memberName(slug, links),
        {
          head: 'Allocated',
          right: true,
          named: true,
          cell: (member) => member.allocated.text,
        },
        ...memberMoney,
        {
          head: 'At the recent pace',
          named: true,
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
