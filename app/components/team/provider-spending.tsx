import type { ProviderView } from '~/domain/team/spending.server'
import { serviceTitle } from './sub-key-messages'

/** Keys and money of this month at each provider. */
export function ProviderSpending({ providers }: { providers: ProviderView[] }) {
  if (providers.length === 0) return <p className="text-soft">No key has been made yet.</p>
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="By provider">
      <table className="ledger max-w-[36rem] min-w-[30rem]">
        <thead>
          <tr>
            <th scope="col">Provider</th>
            <th scope="col" className="!text-right">
              Live keys
            </th>
            <th scope="col" className="!text-right">
              Committed
            </th>
            <th scope="col" className="!text-right">
              Spent this month
            </th>
          </tr>
        </thead>
        <tbody>
          {providers.map((row) => (
            <tr key={row.service}>
              <th scope="row" className="!static !border-rule">
                {serviceTitle(row.service)}
              </th>
              <td className="text-right">{row.liveKeys}</td>
              <td className="text-right">{row.committed.text}</td>
              <td className="text-right">{row.spent.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
