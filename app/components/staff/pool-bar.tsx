import { useId } from 'react'
import type { MoneyView } from '~/domain/money-view'

type Pool = {
  limit: MoneyView | null
  committed: MoneyView
  spent: MoneyView
  left: MoneyView | null
}

/** The pool as one bar: spent is solid, committed is striped, the rest is empty. Also as text. */
export function PoolBar({ pool, compact = false }: { pool: Pool; compact?: boolean }) {
  const id = useId()
  const { limit, committed, spent, left } = pool
  const whole = Math.max(limit?.usd ?? 0, committed.usd, spent.usd, 0.000001)
  const spentShare = (spent.usd / whole) * 100
  const heldShare = Math.max(0, ((committed.usd - spent.usd) / whole) * 100)
  const label = limit
    ? `${spent.text} spent, ${committed.text} committed, ${left?.text ?? ''} of ${limit.text} left`
    : `${spent.text} spent, ${committed.text} committed; the pool has no limit`
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
          {limit
            ? `${spent.text} spent, ${committed.text} of ${limit.text} committed`
            : `${spent.text} spent`}
        </p>
      ) : (
        <dl className="mt-2 flex flex-wrap gap-x-8 gap-y-1">
          <Part name="Spent" value={spent.text} />
          <Part name="Committed" value={committed.text} />
          {left && limit ? <Part name={`Left of ${limit.text}`} value={left.text} /> : null}
        </dl>
      )}
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
