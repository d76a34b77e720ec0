import type { MemberView } from '~/domain/team/team-view.server'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { memberMoney, memberName } from './member-columns'

/** The members with their budgets. */
export function MemberTable({
  slug,
  members,
  label = 'Members',
}: {
  slug: string
  members: MemberView[]
  label?: string
}) {
  if (members.length === 0) return <EmptyState title="No members" />
  return (
    <Table
      label={label}
      stacked
      className="sm:min-w-[56rem]"
      rows={members}
      rowKey={(member) => member.userId}
      columns={[
        memberName(slug),
        {
          head: 'Email',
          className: 'text-soft [overflow-wrap:anywhere]',
          cell: (member) =>
            member.email ?? (member.role === 'service' ? null : 'no verified email'),
        },
        {
          head: 'Role',
          cell: (member) =>
            `${member.role === 'service' ? 'for machines' : member.role}` +
            (member.state === 'suspended' ? ', suspended' : ''),
        },
        {
          head: 'Budget a month',
          right: true,
          named: true,
          className: 'whitespace-nowrap',
          cell: budgetOf,
        },
        ...memberMoney,
      ]}
    />
  )
}

const budgetOf = ({ allocated, monthly, next }: MemberView) => (
  <>
    {monthly.text}
    {allocated.usd > monthly.usd ? (
      <span className="block text-small text-soft">{allocated.text} in this month</span>
    ) : null}
    {next.usd === monthly.usd ? null : (
      <span className="block text-small text-soft">{next.text} from next month</span>
    )}
  </>
)
