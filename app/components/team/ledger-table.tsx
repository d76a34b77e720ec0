import type { PostingView } from '~/domain/team/books.server'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { memberLabel } from './role-messages'

const kinds: Record<string, string> = {
  allocate: 'allocated',
  deallocate: 'taken back',
  commit: 'set aside for a key',
  carry: 'set aside for a key in a new month',
  release: 'returned from a key',
  spend: 'spent by a key',
  overspend: 'spent beyond what was set aside',
  'correct-up': 'corrected: more was spent by a key',
  'correct-down': 'corrected: less was spent by a key',
}

/** The postings of a month, newest first; on a phone each is a card. */
export function LedgerTable({ rows, asOf }: { rows: PostingView[]; asOf: string }) {
  if (rows.length === 0) return <EmptyState title="Nothing is booked in this month" />
  return (
    <Table
      label="Postings"
      stacked
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        {
          head: 'When',
          className: 'whitespace-nowrap text-soft',
          cell: (row) => <Time iso={row.at} now={asOf} />,
        },
        {
          head: 'Member',
          className: '[overflow-wrap:anywhere]',
          cell: (row) => memberLabel(row.member, row.service),
        },
        { head: 'What', header: true, cell: (row) => kinds[row.kind] ?? row.kind },
        {
          head: 'Amount',
          right: true,
          className: 'whitespace-nowrap',
          cell: (row) => row.amount.text,
        },
        { head: 'Key', className: '[overflow-wrap:anywhere]', cell: (row) => row.key },
        {
          head: 'By',
          className: '[overflow-wrap:anywhere] text-soft',
          cell: (row) => `${row.actor}${row.reason ? `: ${row.reason}` : ''}`,
        },
      ]}
    />
  )
}
