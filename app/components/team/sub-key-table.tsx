import { Link } from '@remix-run/react'
import type { SubKeyView } from '~/domain/team/view-types'
import { capNoteOf, phaseWords, serviceTitle } from './sub-key-words'
import { subKeyUrl } from '../../urls'
import { Table } from '../base/table'
import { Ago, Time } from '../base/time'

/** Keys in a table; the purpose leads to the key. `holders` when they are not all of one person. */
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
      className="min-w-[60rem]"
      rows={keys}
      rowKey={(key) => key.id}
      columns={[
        {
          head: 'Purpose',
          header: true,
          className: 'min-w-44',
          cell: (key) => (
            <Link className="prose-link" to={subKeyUrl(slug, key.id)}>
              {key.purpose}
            </Link>
          ),
        },
        holders ? { head: 'Holder', cell: (key) => key.holder.name } : null,
        {
          head: 'State',
          className: (key) => (key.phase === 'refused' ? 'text-brick-ink' : undefined),
          cell: (key) => phaseWords[key.phase],
        },
        {
          head: 'Provider',
          className: 'text-soft',
          cell: (key) => (
            <>
              {serviceTitle(key.service)}
              {key.label ? <span className="block font-mono text-small">{key.label}</span> : null}
            </>
          ),
        },
        {
          head: 'Cap',
          right: true,
          className: 'whitespace-nowrap',
          cell: (key) => (
            <>
              {key.cap.text} <span className="text-soft">{capNoteOf(key)}</span>
            </>
          ),
        },
        {
          head: 'Spent',
          right: true,
          className: 'whitespace-nowrap',
          cell: (key) => key.spent.text,
        },
        {
          head: 'Left',
          right: true,
          className: 'whitespace-nowrap',
          cell: (key) => (key.phase === 'ended' || key.phase === 'refused' ? '' : key.left.text),
        },
        {
          head: 'As of',
          className: 'whitespace-nowrap text-soft',
          cell: (key) => (key.usageAsOf ? <Ago iso={key.usageAsOf} asOf={asOf} /> : 'not read yet'),
        },
        {
          head: 'Ends',
          className: 'whitespace-nowrap text-soft',
          cell: (key) => <Time iso={key.endedAt ?? key.expiresAt} now={asOf} />,
        },
      ]}
    />
  )
}
