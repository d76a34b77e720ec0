import type { KeyView } from '~/domain/claim/view-types'
import { Callout } from '../base/callout'
import { Ago, Time } from '../base/time'
import { nextReset } from '../base/time-text'

const resetUnits = { daily: 'day', weekly: 'week', monthly: 'month' } as const
const windowLabels = { daily: 'today', weekly: 'this week', monthly: 'this month' } as const
const resetSentences = {
  daily: 'The daily budget resets at midnight UTC',
  weekly: 'The weekly budget resets on Monday at midnight UTC',
  monthly: 'The monthly budget resets on the 1st at midnight UTC',
} as const

/** The first minute of a key that takes the place of another one. */
function BudgetFollows() {
  return (
    <div role="status">
      <p className="font-head text-lead font-semibold">Your budget follows in about a minute</p>
      <p className="mt-2 text-small text-soft">
        We are reading what your old key used. What is left then moves to this key, and this page
        shows it. Until then, requests fail with “Key limit exceeded”.
      </p>
    </div>
  )
}

/**
 * What is left of the budget: a meter, the same as text, and as of when. Says so when nothing is
 * left.
 */
export function BudgetMeter({ budget, asOf }: { budget: KeyView; asOf: string }) {
  const { limit, used, left, usedTotal, usageAsOf } = budget
  if (budget.budgetFollows) return <BudgetFollows />
  const share = used && limit.usd > 0 ? used.usd / limit.usd : 0
  const resets = budget.limitReset ? nextReset(budget.limitReset, asOf) : null
  const tone = share >= 0.95 ? 'error' : share >= 0.8 ? 'warning' : 'ok'
  return (
    <div>
      {used && left ? (
        <>
          <p className="font-head text-lead font-semibold">
            {left.text} of {limit.text} left
            {budget.limitReset ? ` ${windowLabels[budget.limitReset]}` : ''}
          </p>
          {share >= 1 ? null : (
            <meter
              className="meter mt-3"
              data-tone={tone}
              min={0}
              max={limit.usd}
              value={used.usd}
              aria-label="Spent of this key’s budget"
            >
              {used.text} of {limit.text} spent
            </meter>
          )}
          <p className="mt-2 text-small text-soft">
            {used.text} spent{budget.limitReset ? ` ${windowLabels[budget.limitReset]}` : ''}
            {budget.limitReset && usedTotal ? `, ${usedTotal.text} in total` : ''}
            {usageAsOf ? (
              <>
                , read <Ago iso={usageAsOf} asOf={asOf} />
              </>
            ) : null}
            . The latest requests may be missing for a few minutes.
          </p>
        </>
      ) : (
        <>
          <p className="font-head text-lead font-semibold">
            Up to {limit.text}
            {budget.limitReset ? ` a ${resetUnits[budget.limitReset]}` : ''}
          </p>
          <meter
            className="meter mt-3"
            min={0}
            max={Math.max(limit.usd, 0.01)}
            value={0}
            aria-label="Spent of this key’s budget"
          >
            no usage yet
          </meter>
          <p className="mt-2 text-small text-soft">No usage yet. Updates every few minutes.</p>
        </>
      )}
      {resets && budget.limitReset ? (
        <p className="mt-1 text-small text-soft">
          {resetSentences[budget.limitReset]}: <Time iso={resets} now={asOf} />.
          {budget.usedTotal
            ? ` You have spent ${budget.usedTotal.text} in total with this key.`
            : ''}
        </p>
      ) : (
        <p className="mt-1 text-small text-soft">One-time budget. It doesn’t refill.</p>
      )}
      {share >= 1 ? (
        <div className="mt-4">
          <Callout tone="error" title="This key has spent its budget">
            <p>
              Requests now fail with{' '}
              <code className="font-mono text-small">403 Key limit exceeded</code>. This is not a
              bug in your code.
            </p>
            <p>
              {resets ? (
                <>
                  It works again from <Time iso={resets} now={asOf} />.
                </>
              ) : (
                'Ask the organiser if you need more.'
              )}
            </p>
          </Callout>
        </div>
      ) : share >= 0.8 && left ? (
        <div className="mt-4">
          <Callout
            tone={share >= 0.95 ? 'error' : 'warning'}
            title={share >= 0.95 ? 'Almost everything is spent' : 'Over 80 % is spent'}
          >
            <p>
              {left.text} left. To make it last, set a smaller{' '}
              <code className="font-mono text-small">max_tokens</code> or use a smaller model.
            </p>
          </Callout>
        </div>
      ) : null}
    </div>
  )
}
