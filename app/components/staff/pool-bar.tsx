import { numberText } from '~/messages/text'
import { useId } from 'react'
import type { MoneySums } from '~/domain/operations/money-sums'
import { Time } from '../base/time'

type Seats = { taken: number; max: number | null }

/**
 * Money in three sums as one bar: spent is solid, what may still be spent is striped, and what is
 * left to hand out is empty. Also as text.
 */
export function PoolBar({
  money,
  seats,
  asOf,
  compact = false,
}: {
  money: MoneySums
  seats: Seats
  asOf: string
  compact?: boolean
}) {
  const id = useId()
  const { spent, maySpend, left } = money
  const whole = Math.max(money.whole?.usd ?? 0, spent.usd + maySpend.usd, 0.000001)
  const spentShare = (spent.usd / whole) * 100
  const heldShare = money.whole === null ? 0 : (maySpend.usd / whole) * 100
  const label =
    `${spent.text} spent, ${maySpend.text} may still be spent, ` +
    (left ? `${left.text} left to hand out` : 'no limit to what is handed out')
  const keys =
    seats.max !== null
      ? `${numberText(seats.taken)} of ${numberText(seats.max)} keys`
      : money.keysLeft !== null && left && left.usd > 0
        ? `${numberText(money.keysLeft)} more ${money.keysLeft === 1 ? 'key' : 'keys'}`
        : null
  return (
    <div>
      <svg
        className="block h-3 w-full overflow-hidden rounded-full"
        viewBox="0 0 100 4"
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        <defs>
          <pattern id={id} width="2" height="4" patternUnits="userSpaceOnUse">
            <rect width="2" height="4" className="fill-mint-wash" />
            <rect width="1" height="4" className="fill-mint" />
          </pattern>
        </defs>
        <rect width="100" height="4" className="fill-rule" />
        <rect width={spentShare + heldShare} height="4" fill={`url(#${id})`} />
        <rect width={spentShare} height="4" className="fill-mint-ink" />
      </svg>
      {compact ? (
        <p className="mt-1 text-small text-soft">
          {label}
          {keys ? `; ${keys}` : ''}.
        </p>
      ) : (
        <dl className="mt-2 flex flex-wrap gap-x-8 gap-y-1">
          <Part name="Spent" value={spent.text} />
          <Part name="May still be spent" value={maySpend.text} />
          <Part name="Left to hand out" value={left?.text ?? 'no limit'} />
          {keys ? <Part name="Keys" value={keys.replace(/ keys?$/, '')} /> : null}
        </dl>
      )}
      {money.lastsUntil ? (
        <p className="mt-1 text-small text-soft">
          At the pace of the last half hour it lasts until{' '}
          <Time iso={money.lastsUntil} now={asOf} />.
        </p>
      ) : null}
    </div>
  )
}

function Part({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt className="text-small text-soft">{name}</dt>
      <dd className="font-head text-lead font-semibold">{value}</dd>
    </div>
  )
}
