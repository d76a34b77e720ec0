import type { KeyView } from '~/domain/claim/view-types'
import { Callout } from '../base/callout'
import { Ago, Time } from '../base/time'
import { nextReset } from '../base/time-words'

const resetWords = { daily: 'day', weekly: 'week', monthly: 'month' } as const
const windowWords = { daily: 'today', weekly: 'this week', monthly: 'this month' } as const
const resetSentences = {
  daily: 'Today’s limit starts again at midnight UTC',
  weekly: 'This week’s limit starts again at midnight UTC before Monday',
  monthly: 'This month’s limit starts again at midnight UTC before the 1st',
} as const

/**
 * What is left of the cap: a meter, the same in words, and as of when. Says it plainly when there
 * is nothing left.
 */
export function BudgetMeter({ budget, asOf }: { budget: KeyView; asOf: string }) {
  const { limit, used, left, usedTotal, usageAsOf } = budget
  const share = used && limit.usd > 0 ? used.usd / limit.usd : 0
  const resets = budget.limitReset ? nextReset(budget.limitReset, asOf) : null
  const tone = share >= 0.95 ? 'error' : share >= 0.8 ? 'warning' : 'ok'
  return (
    <div>
      {used && left ? (
        <>
          <p className="font-head text-lead font-semibold">
            {left.text} of {limit.text} left
            {budget.limitReset ? ` ${windowWords[budget.limitReset]}` : ''}
          </p>
          {share >= 1 ? null : (
            <meter
              className="meter mt-3"
              data-tone={tone}
              min={0}
              max={limit.usd}
              value={used.usd}
              aria-label="Spent of this key’s cap"
            >
              {used.text} of {limit.text} spent
            </meter>
          )}
          <p className="mt-2 text-small text-soft">
            {used.text} spent{budget.limitReset ? ` ${windowWords[budget.limitReset]}` : ''}
            {budget.limitReset && usedTotal ? `, ${usedTotal.text} in total` : ''}
            {usageAsOf ? (
              <>
                , read <Ago iso={usageAsOf} asOf={asOf} />
              </>
            ) : null}
            . The newest requests can be missing for a few minutes.
          </p>
        </>
      ) : (
        <>
          <p className="font-head text-lead font-semibold">
            Up to {limit.text}
            {budget.limitReset ? ` a ${resetWords[budget.limitReset]}` : ''}
          </p>
          <meter
            className="meter mt-3"
            min={0}
            max={Math.max(limit.usd, 0.01)}
            value={0}
            aria-label="Spent of this key’s cap"
          >
            nothing read yet
          </meter>
          <p className="mt-2 text-small text-soft">
            Not read yet. The first reading comes a few minutes after your key is ready.
          </p>
        </>
      )}
      {resets && budget.limitReset ? (
        <p className="mt-1 text-small text-soft">
          {resetSentences[budget.limitReset]}: <Time iso={resets} now={asOf} />.
          {budget.usedTotal
            ? ` Since the key was made, ${budget.usedTotal.text} was spent in all.`
            : ''}
        </p>
      ) : (
        <p className="mt-1 text-small text-soft">
          This is the limit for the whole life of the key. It does not start again.
        </p>
      )}
      {share >= 1 ? (
        <div className="mt-4">
          <Callout tone="error" title="This key has spent its cap.">
            <p>
              Requests now fail with{' '}
              <code className="font-mono text-small">403 Key limit exceeded</code>. That is the cap
              doing its work, not a fault in your code.
            </p>
            <p>
              {resets ? (
                <>
                  It works again from <Time iso={resets} now={asOf} />.
                </>
              ) : (
                'It does not refill. Ask the organiser if you need more.'
              )}
            </p>
          </Callout>
        </div>
      ) : share >= 0.8 && left ? (
        <div className="mt-4">
          <Callout
            tone={share >= 0.95 ? 'error' : 'warning'}
            title={
              share >= 0.95 ? 'Almost everything is spent.' : 'More than four fifths are spent.'
            }
          >
            <p>
              {left.text} left. Ask for fewer{' '}
              <code className="font-mono text-small">max_tokens</code>, or use a smaller model, to
              make it last.
            </p>
          </Callout>
        </div>
      ) : null}
    </div>
  )
}
