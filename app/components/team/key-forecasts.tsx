import { Link } from '@remix-run/react'
import type { KeyForecast } from '~/domain/team/forecasts.server'
import { subKeyUrl } from '../../urls'
import { Time } from '../base/time'

/** Keys that expire or run out soon. */
export function KeyForecasts({
  slug,
  forecasts,
  asOf,
}: {
  slug: string
  forecasts: KeyForecast[]
  asOf: string
}) {
  if (forecasts.length === 0)
    return <p className="text-soft">No key expires or runs out within two weeks.</p>
  return (
    <ul className="max-w-read divide-y divide-rule border-y border-rule">
      {forecasts.map((row) => (
        <li key={row.id} className="py-3">
          <Link className="font-semibold prose-link" to={subKeyUrl(slug, row.id)}>
            {row.purpose}
          </Link>{' '}
          <span className="text-soft">of {row.holder}</span>
          <p className="text-soft">
            <Forecast row={row} asOf={asOf} />
          </p>
        </li>
      ))}
    </ul>
  )
}

function Forecast({ row, asOf }: { row: KeyForecast; asOf: string }) {
  switch (row.because) {
    case 'dry':
      return <>Its cap is spent.</>
    case 'hourly':
      return (
        <>
          {row.left.text} is left, at {row.perHour?.text} an hour: Keymint ends it at its cap,{' '}
          <Time iso={row.at} now={asOf} />.
        </>
      )
    case 'spent':
      return (
        <>
          {row.left.text} is left. At the pace of the last seven days it is spent by{' '}
          <Time iso={row.at} now={asOf} />.
        </>
      )
    case 'ends':
      return (
        <>
          Expires <Time iso={row.at} now={asOf} />, with {row.left.text} left now.
        </>
      )
  }
}
