import type { ModelSpending } from '~/domain/team/model-spending.server'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { serviceTitle } from './sub-key-messages'

const listed = new Intl.ListFormat('en-GB')

/** By model, where a service tells it; what is not told stands as a row of its own. */
export function ModelTable({ models }: { models: ModelSpending }) {
  const { rows, more, untold, silent } = models
  type Row = { model: string | null; service: string; requests: string; spent: string }
  const all: Row[] = [
    ...rows.map(({ spent, requests, ...row }) => ({
      ...row,
      requests: requests.toLocaleString('en-GB'),
      spent: spent.text,
    })),
    ...(untold && rows.length > 0
      ? [{ model: null, service: '', requests: '', spent: untold.text }]
      : []),
  ]
  return (
    <>
      {all.length === 0 ? (
        <EmptyState title="No model is known for these days yet" />
      ) : (
        <Table
          label="By model"
          stacked
          rows={all}
          rowKey={(row) => `${row.service} ${row.model ?? ''}`}
          columns={[
            {
              head: 'Model',
              header: true,
              className: '[overflow-wrap:anywhere]',
              cell: (row) => row.model ?? <span className="text-soft">Not told by model</span>,
            },
            { head: 'Service', cell: (row) => (row.service ? serviceTitle(row.service) : '') },
            { head: 'Requests', right: true, named: true, cell: (row) => row.requests },
            { head: 'Spent', right: true, named: true, cell: (row) => row.spent },
          ]}
        />
      )}
      {more > 0 ? (
        <p className="mt-4 text-small text-soft">
          {more === 1 ? '1 more model' : `${more} more models`} cost less and are not shown.
        </p>
      ) : null}
      <p className="mt-2 max-w-read text-small text-soft">
        OpenRouter tells models of completed UTC days, up to 30 days back. Keymint reads them once a
        day, after 01:00 UTC, so today is missing
        {models.lastDay ? `; the last day told here is ${models.lastDay}` : ''}. A request counts
        here on its own day, and in the books on the day of the reading. What the account’s own
        provider keys served is not told by model.
        {silent.length > 0
          ? ` ${listed.format(silent.map(serviceTitle))} ${silent.length === 1 ? 'tells' : 'tell'} no models.`
          : ''}
      </p>
    </>
  )
}
