import { Link } from '@remix-run/react'
import type { MonthKey, MonthMember, MonthView } from '~/domain/team/months.server'
import { subKeyUrl } from '../../urls'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { memberLabel } from './role-messages'
import { serviceTitle } from './sub-key-messages'

/** A column of amounts or counts, which names itself on a phone. */
const numbers = <Row,>(head: string, cell: (row: Row) => string) => ({
  head,
  right: true,
  named: true,
  cell,
})

export function MonthMembers({ members }: { members: MonthMember[] }) {
  if (members.length === 0) return <EmptyState title="Nobody had a budget in this month" />
  return (
    <Table
      label="By member"
      stacked
      rows={members}
      rowKey={(row) => row.userId}
      columns={[
        {
          head: 'Member',
          header: true,
          className: '[overflow-wrap:anywhere]',
          cell: memberOf,
        },
        numbers<MonthMember>('Allocated', (row) => row.allocated.text),
        numbers<MonthMember>('Spent', (row) => row.spent.text),
        numbers<MonthMember>('Set aside', (row) => row.committed.text),
      ]}
    />
  )
}

const memberOf = ({ name, gone, service }: MonthMember) =>
  gone
    ? `${name} (${service ? 'service account, closed' : 'no longer in the team'})`
    : memberLabel(name, service)

export function MonthServices({ services }: { services: MonthView['services'] }) {
  if (services.length === 0) return <EmptyState title="Nothing was spent in this month" />
  return (
    <Table
      label="By service"
      stacked
      rows={services}
      rowKey={(row) => row.service}
      columns={[
        { head: 'Service', header: true, cell: (row) => serviceTitle(row.service) },
        numbers<MonthView['services'][number]>('Keys', (row) => String(row.keys)),
        numbers<MonthView['services'][number]>('Spent', (row) => row.spent.text),
      ]}
    />
  )
}

export function MonthKeys({
  slug,
  keys,
  more,
}: {
  slug: string
  keys: MonthKey[]
  /** How many are not shown. */
  more: number
}) {
  if (keys.length === 0) return <EmptyState title="No key was used in this month" />
  return (
    <>
      <Table
        label="By key"
        stacked
        rows={keys}
        rowKey={(row) => row.id}
        columns={[
          {
            head: 'Key',
            header: true,
            className: '[overflow-wrap:anywhere]',
            cell: (row) => (
              <Link className="prose-link" to={subKeyUrl(slug, row.id)}>
                {row.purpose}
              </Link>
            ),
          },
          { head: 'Holder', named: true, cell: (row) => row.holder },
          {
            head: 'Service',
            cell: (row) => `${serviceTitle(row.service)}${row.ended ? ', ended' : ''}`,
          },
          numbers<MonthKey>('Spent', (row) => row.spent.text),
          numbers<MonthKey>('Set aside', (row) => row.committed.text),
        ]}
      />
      {more > 0 ? (
        <p className="mt-4 text-small text-soft">
          {more === 1 ? '1 more key is' : `${more} more keys are`} in the CSV.
        </p>
      ) : null}
    </>
  )
}
