import type { StockView } from '~/domain/claim/stock.server'
import { Time } from '../base/time'

/** The keys that were made before anybody asked: how many wait, and what stands in their way. */
export function StockBox({ stock, asOf }: { stock: StockView; asOf: string }) {
  const { wanted, ready, making, closing, claimed, held, failure, bindError, madeFrom } = stock
  const parts = [
    {
      name: 'Ready',
      value: wanted === null ? count(ready) : `${count(ready)} of ${count(wanted)}`,
    },
    { name: 'Being made', value: count(making) },
    ...(closing > 0 ? [{ name: 'Being closed', value: count(closing) }] : []),
    { name: 'Claimed', value: count(claimed) },
    { name: 'Held in the pool', value: held.text },
  ]
  return (
    <section aria-labelledby="stock" className="mt-6 border-t border-rule pt-4">
      <h2 id="stock" className="text-head">
        Pre-minted keys
      </h2>
      <dl className="mt-2 flex flex-wrap gap-x-8 gap-y-1">
        {parts.map(({ name, value }) => (
          <div key={name}>
            <dt className="text-small text-soft">{name}</dt>
            <dd className="font-head text-lead font-semibold">{value}</dd>
          </div>
        ))}
      </dl>
      {madeFrom ? (
        <p className="mt-2 text-soft">
          Keymint makes them from <Time iso={madeFrom} now={asOf} /> on, an hour before claims open.
        </p>
      ) : null}
      {closing > 0 ? (
        <p className="mt-2 text-soft">
          Keys that are not needed any more are disabled. Their money returns to the pool when the
          provider has confirmed what they used.
        </p>
      ) : null}
      {bindError ? (
        <p className="mt-2 text-amber-ink">
          Some are not assigned to the guardrail yet, so they wait: {bindError} Keymint retries
          automatically.
        </p>
      ) : null}
      {failure ? (
        <p className="mt-2 text-amber-ink">
          {failureLabels[failure.reason] ?? 'The last one could not be made.'}{' '}
          {failure.detail ? `${failure.detail} ` : ''}
          That was at <Time iso={failure.at} now={asOf} />. Keymint makes no other for five minutes
          after a failure, then retries.
        </p>
      ) : null}
    </section>
  )
}

const count = (amount: number) => amount.toLocaleString('en-US')

const failureLabels: Record<string, string> = {
  unusable: 'A key was disabled, used or deleted at the provider, so nobody gets it.',
  'rejected-by-provider': 'The provider refused the last one.',
  cancelled: 'Staff cancelled the last one.',
  'expired-before-mint': 'The last one would have ended too soon.',
}
