import type { TeamAuditRow } from '~/domain/team/audit-view.server'
import { Time } from '../base/time'
import { labelOfTeamAction } from '~/messages/audit'
import { detailText } from './team-audit-details'

/** Ids that only help whoever reads rows: they are in the export. */
const idDetails = new Set(['attemptId', 'keyHash', 'invitation'])
const hasNoName = (subject: string) => /^(invitation|team):/.test(subject)

export function AuditTable({ rows, asOf }: { rows: TeamAuditRow[]; asOf: string }) {
  return (
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Events">
      <table className="ledger min-w-[56rem]">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Who</th>
            <th scope="col">Did</th>
            <th scope="col">To</th>
            <th scope="col">Details</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <td className="whitespace-nowrap text-soft">
                <Time iso={row.at} now={asOf} />
              </td>
              <td>{row.actor}</td>
              <td>{labelOfTeamAction(row.action)}</td>
              <td className="[overflow-wrap:anywhere]">
                {hasNoName(row.subject) ? '' : row.subject}
              </td>
              <td className="min-w-64 [overflow-wrap:anywhere] text-soft">
                {row.details
                  .filter(([name]) => !idDetails.has(name))
                  .map(detailText)
                  .join(', ')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
