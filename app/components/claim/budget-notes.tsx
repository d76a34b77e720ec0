/** What the card's number and bar do not say of the budget: since when, the reset, what to do. */
import type { KeyView } from '~/domain/claim/view-types'
import { Callout } from '../base/callout'
import { Ago, Time } from '../base/time'
import { nextReset } from '../base/time-text'
import type { KeyCardLook } from './key-card'

const windowLabels = { daily: 'today', weekly: 'this week', monthly: 'this month' } as const
const resetSentences = {
  daily: 'The daily budget resets at midnight UTC',
  weekly: 'The weekly budget resets on Monday at midnight UTC',
  monthly: 'The monthly budget resets on the 1st at midnight UTC',
} as const

/** Spent of the limit, 1 is all of it; null before the first reading, or while it is not known. */
export function spentShare({ used, limit, budgetFollows }: KeyView): number | null {
  if (!used || budgetFollows) return null
  return limit.usd > 0 ? used.usd / limit.usd : 1
}

export function lookOf(key: KeyView): KeyCardLook {
  if ((spentShare(key) ?? 0) >= 1) return 'spent'
  return key.unbound ? 'unassigned' : 'good'
}

/** The card's number and what stands under it: "$1.95" and "left of $2.00 today". */
export function budgetOnCard(key: KeyView, capNote: string): { number: string; note: string } {
  if (!key.left || key.budgetFollows) return { number: key.limit.text, note: capNote }
  const window = key.limitReset ? ` ${windowLabels[key.limitReset]}` : ''
  return { number: key.left.text, note: `left of ${key.limit.text}${window}` }
}

export function BudgetNotes({ budget, asOf }: { budget: KeyView; asOf: string }) {
  const { limit, used, left, usedTotal, usageAsOf, lastUsedAt, limitReset } = budget
  const share = spentShare(budget) ?? 0
  const resets = limitReset ? nextReset(limitReset, asOf) : null
  if (budget.budgetFollows)
    return (
      <section aria-label="Budget" role="status">
        <p className="font-head text-lead font-semibold">Your budget follows in about a minute</p>
        <p className="mt-2 text-small text-soft">
          We are reading what your old key used. What is left then moves to this key, and this page
          shows it. Until then, requests fail with “Key limit exceeded”.
        </p>
      </section>
    )
  return (
    <section aria-label="Budget" className="space-y-4">
      <div className="space-y-1 text-small text-soft">
        {used && usageAsOf ? (
          <p>
            {used.text} spent{limitReset ? ` ${windowLabels[limitReset]}` : ''}
            {limitReset && usedTotal ? `, ${usedTotal.text} in total` : ''}, read{' '}
            <Ago iso={usageAsOf} asOf={asOf} />. The latest requests may be missing for a few
            minutes.
          </p>
        ) : (
          <p>No usage yet. Updates every few minutes.</p>
        )}
        {lastUsedAt ? (
          <p>
            Last use seen <Ago iso={lastUsedAt} asOf={asOf} />.
          </p>
        ) : null}
        <p>
          {resets && limitReset ? (
            <>
              {resetSentences[limitReset]}: <Time short iso={resets} now={asOf} />.
            </>
          ) : (
            'One-time budget. It doesn’t refill.'
          )}
        </p>
      </div>
      {share >= 1 ? (
        <Callout
          tone="error"
          title={
            used && used.usd > limit.usd
              ? 'This key has spent more than its budget'
              : 'This key has spent its budget'
          }
        >
          <p>
            Requests now fail with{' '}
            <code className="font-mono text-small">403 Key limit exceeded</code>. This is not a bug
            in your code.
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
      ) : share >= 0.8 && left ? (
        <Callout
          tone={share >= 0.95 ? 'error' : 'warning'}
          title={share >= 0.95 ? 'Almost everything is spent' : 'Over 80 % is spent'}
        >
          <p>
            To make it last, set a smaller <code className="font-mono text-small">max_tokens</code>{' '}
            or use a smaller model.
          </p>
        </Callout>
      ) : null}
    </section>
  )
}
