import { Link } from '@remix-run/react'
import type { MonthKey, MonthMember } from '~/domain/team/months.server'
import type { RangeKey, RangeMember, RangeProject, RangeService } from '~/domain/team/range.server'
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

/** Of a month with what was allocated and set aside in it; of other days what was spent. */
export function MembersSpending({
  members,
  month,
}: {
  members: (RangeMember | MonthMember)[]
  month: boolean
}) {
  if (members.length === 0)
    return (
      <EmptyState
        title={month ? 'Nobody had a budget in this month' : 'Nobody spent anything on these days'}
      />
    )
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
        month
          ? numbers<RangeMember | MonthMember>('Allocated', (row) =>
              'allocated' in row ? row.allocated.text : '',
            )
          : null,
        numbers<RangeMember | MonthMember>('Spent', (row) => row.spent.text),
        month
          ? numbers<RangeMember | MonthMember>('Set aside', (row) =>
              'committed' in row ? row.committed.text : '',
            )
          : null,
      ]}
    />
  )
}

const memberOf = ({ name, gone, service }: RangeMember | MonthMember) =>
  gone
    ? `${name} (${service ? 'service account, closed' : 'no longer in the team'})`
    : memberLabel(name, service)

export function ServicesSpending({ services }: { services: RangeService[] }) {
  if (services.length === 0) return <EmptyState title="Nothing was spent" />
  return (
    <Table
      label="By service"
      stacked
      rows={services}
      rowKey={(row) => row.service}
      columns={[
        { head: 'Service', header: true, cell: (row) => serviceTitle(row.service) },
        numbers<RangeService>('Keys', (row) => String(row.keys)),
        numbers<RangeService>('Spent', (row) => row.spent.text),
      ]}
    />
  )
}

export function ProjectsSpending({ projects }: { projects: RangeProject[] }) {
  if (projects.length === 0) return <EmptyState title="Nothing was spent" />
  return (
    <>
      <Table
        label="By project"
        stacked
        rows={projects}
        rowKey={(row) => row.project ?? ''}
        columns={[
          {
            head: 'Project',
            header: true,
            className: '[overflow-wrap:anywhere]',
            cell: (row) =>
              row.project === null ? (
                <span className="text-soft">No project</span>
              ) : (
                <bdi>{row.project}</bdi>
              ),
          },
          numbers<RangeProject>('Keys', (row) => String(row.keys)),
          numbers<RangeProject>('Spent', (row) => row.spent.text),
        ]}
      />
      <p className="mt-2 max-w-read text-small text-soft">
        A key counts for the project that it has now, with all that it ever spent.
      </p>
    </>
  )
}

export function KeysSpending({
  slug,
  keys,
  more,
  month,
}: {
  slug: string
  keys: (RangeKey | MonthKey)[]
  /** How many are not shown. */
  more: number
  month: boolean
}) {
  if (keys.length === 0)
    return <EmptyState title={`No key was used ${month ? 'in this month' : 'on these days'}`} />
  return (
    <>
      <Table
        label="By key"
        stacked
        rows={keys}
        rowKey={(row, index) => `${row.id} ${index}`}
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
          numbers<RangeKey | MonthKey>('Spent', (row) => row.spent.text),
          month
            ? numbers<RangeKey | MonthKey>('Set aside', (row) =>
                'committed' in row ? row.committed.text : '',
              )
            : null,
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
