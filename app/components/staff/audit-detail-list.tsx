import { Time } from '../base/time'
import { detailsOf } from './audit-details'

/** The details of an event as labels and values. */
export function Details({ details, asOf }: { details: Record<string, unknown>; asOf: string }) {
  const views = detailsOf(details)
  if (views.length === 0) return null
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3">
      {views.map(({ label, kind, value }, index) => (
        <div key={`${label} ${index}`} className="contents">
          <dt className="text-soft">{label}</dt>
          <dd className={`min-w-0 [overflow-wrap:anywhere] ${kind === 'code' ? 'font-mono' : ''}`}>
            {kind === 'time' ? <Time iso={value} now={asOf} /> : value}
          </dd>
        </div>
      ))}
    </dl>
  )
}
