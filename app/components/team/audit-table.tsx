import type { TeamAuditRow } from '~/domain/team/audit-view.server'
import { labelOfTeamAction } from '~/messages/audit'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { detailText } from './team-audit-details'

/** Ids that only help whoever reads rows: they are in the export. */
const idDetails = new Set(['attemptId', 'keyHash', 'invitation'])
const hasNoName = (subject: string) => /^(invitation|team):/.test(subject)

export function AuditTable({ rows, asOf }: { rows: TeamAuditRow[]; asOf: string }) {
  return (
    <Table
      label="Events"
      stacked
      className="sm:min-w-[56rem]"
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        {
          head: 'When',
          className: 'whitespace-nowrap text-soft',
          cell: (row) => <Time iso={row.at} now={asOf} />,
        },
        { head: 'Who', cell: (row) => row.actor },
        {
          head: 'Action',
          header: true,
          className: '!whitespace-normal sm:min-w-56',
          cell: (row) => labelOfTeamAction(row.action),
        },
        {
          head: 'Subject',
          className: '[overflow-wrap:anywhere] sm:min-w-40',
          cell: (row) => (hasNoName(row.subject) ? null : row.subject),
        },
        {
          head: 'Details',
          className: 'sm:min-w-64 [overflow-wrap:anywhere] text-soft',
          cell: ({ details }) =>
            details
              .filter(([name]) => !idDetails.has(name))
              .map(detailText)
              .join(', '),
        },
      ]}
    />
  )
}
