import { Link } from '@remix-run/react'
import type { SubKeyView } from '~/domain/team/view-types'
import { capNoteOf, phaseLabels, serviceTitle } from './sub-key-messages'
import { subKeyUrl } from '../../urls'
import { Ago, Time } from '../base/time'

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
    <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Keys">
      <table className="ledger min-w-[60rem]">
        <thead>
          <tr>
            <th scope="col">Purpose</th>
            {holders ? <th scope="col">Holder</th> : null}
            <th scope="col">State</th>
            <th scope="col">Provider</th>
            <th scope="col" className="!text-right">
              Cap
            </th>
            <th scope="col" className="!text-right">
              Spent
            </th>
            <th scope="col" className="!text-right">
              Left
            </th>
            <th scope="col">As of</th>
            <th scope="col">Ends</th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id}>
              <th scope="row" className="!static min-w-44 !border-rule">
                <Link className="prose-link" to={subKeyUrl(slug, key.id)}>
                  {key.purpose}
                </Link>
              </th>
              {holders ? <td>{key.holder.name}</td> : null}
              <td className={key.phase === 'refused' ? 'text-brick-ink' : ''}>
                {phaseLabels[key.phase]}
              </td>
              <td className="text-soft">
                {serviceTitle(key.service)}
                {key.label ? <span className="block font-mono text-small">{key.label}</span> : null}
              </td>
              <td className="text-right whitespace-nowrap">
                {key.cap.text} <span className="text-soft">{capNoteOf(key)}</span>
              </td>
              <td className="text-right whitespace-nowrap">{key.spent.text}</td>
              <td className="text-right whitespace-nowrap">
                {key.phase === 'ended' || key.phase === 'refused' ? '' : key.left.text}
              </td>
              <td className="whitespace-nowrap text-soft">
                {key.usageAsOf ? <Ago iso={key.usageAsOf} asOf={asOf} /> : 'not read yet'}
              </td>
              <td className="whitespace-nowrap text-soft">
                <Time iso={key.endedAt ?? key.expiresAt} now={asOf} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
