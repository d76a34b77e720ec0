import { Link } from '@remix-run/react'
import type { SubKeyView } from '~/domain/team/view-types'
import { subKeyUrl } from '../../urls'
import { Table } from '../base/table'
import { Ago, Time } from '../base/time'
import { memberLabel } from './role-messages'
import { capNoteOf, phaseLabels, serviceTitle } from './sub-key-messages'

/** Keys in a table; the purpose links to the key. `holders` when they are of several people. */
export function SubKeyTable({
  slug,
  keys,
  holders,
  asOf,
}: {
  slug: string
  keys: SubKeyView[]
  holders: boolean
  asOf: string
}) {
  return (
    <Table
      label="Keys"
      stacked
      className="sm:min-w-[60rem]"
      rows={keys}
      rowKey={(key) => key.id}
      columns={[
        {
          head: 'Purpose',
          header: true,
          className: 'sm:min-w-44 [overflow-wrap:anywhere]',
          cell: (key) => (
            <>
              <Link className="prose-link" to={subKeyUrl(slug, key.id)}>
                {key.purpose}
              </Link>
              {key.project ? (
                <span className="block text-small font-normal text-soft">
                  <bdi>{key.project}</bdi>
                </span>
              ) : null}
            </>
          ),
        },
        holders
          ? {
              head: 'Holder',
              named: true,
              cell: ({ holder }) => memberLabel(holder.name, holder.service),
            }
          : null,
        {
          head: 'State',
          className: (key) => (key.phase === 'refused' ? 'text-brick-ink' : undefined),
          cell: (key) => phaseLabels[key.phase],
        },
        { head: 'Provider', className: 'text-soft', cell: provider },
        { head: 'Cap', right: true, named: true, className: 'whitespace-nowrap', cell: cap },
        {
          head: 'Spent',
          right: true,
          named: true,
          className: 'whitespace-nowrap',
          cell: (key) => key.spent.text,
        },
        {
          head: 'Left',
          right: true,
          named: true,
          className: 'whitespace-nowrap',
          cell: (key) => (key.phase === 'ended' || key.phase === 'refused' ? null : key.left.text),
        },
        {
          head: 'As of',
          named: true,
          className: 'whitespace-nowrap text-soft',
          cell: (key) =>
            key.usageAsOf ? <Ago iso={key.usageAsOf} asOf={asOf} /> : 'no reading yet',
        },
        {
          head: 'Ends',
          named: true,
          className: 'whitespace-nowrap text-soft',
          cell: (key) => <Time iso={key.endedAt ?? key.expiresAt} now={asOf} />,
        },
      ]}
    />
  )
}

const provider = ({ service, label }: SubKeyView) => (
  <>
    {serviceTitle(service)}
    {label ? <span className="block font-mono text-small">{label}</span> : null}
  </>
)

const cap = (key: SubKeyView) => (
  <>
    {key.cap.text} <span className="text-soft">{capNoteOf(key)}</span>
  </>
)
