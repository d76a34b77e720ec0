import type { ProviderView } from '~/domain/team/spending.server'
import { Table } from '../base/table'
import { serviceTitle } from './sub-key-messages'

/** Keys and money of this month at each provider. */
export function ProviderSpending({ providers }: { providers: ProviderView[] }) {
  if (providers.length === 0) return <p className="text-soft">No key has been made yet.</p>
  return (
    <Table
      label="By provider"
      stacked
      className="sm:max-w-[36rem] sm:min-w-[30rem]"
      rows={providers}
      rowKey={(row) => row.service}
      columns={[
        { head: 'Provider', header: true, cell: (row) => serviceTitle(row.service) },
        { head: 'Live keys', right: true, named: true, cell: (row) => row.liveKeys },
        { head: 'Committed', right: true, named: true, cell: (row) => row.committed.text },
        { head: 'Spent this month', right: true, named: true, cell: (row) => row.spent.text },
      ]}
    />
  )
}
