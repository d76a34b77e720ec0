import type { ReactNode } from 'react'
import type { SubKeyView } from '~/domain/team/view-types'
import { Section } from '../base/page-shell'
import { Ago } from '../base/time'

/** What a key has spent of its cap. */
export function SubKeyUsage({
  view,
  lastUse,
  asOf,
  children,
}: {
  view: SubKeyView
  /** When a reading last found new spending. */
  lastUse: string | null
  asOf: string
  /** What stands below: the days, and a test. */
  children?: ReactNode
}) {
  const { spent, cap } = view
  const isOver = view.phase === 'settling' || view.phase === 'ended'
  const nearlySpent = spent.usd >= cap.usd * 0.8
  return (
    <Section title="Usage" id="spent">
      <p className="font-head text-lead font-semibold">
        {isOver ? `${spent.text} spent of ${cap.text}` : `${view.left.text} left of ${cap.text}`}
        {view.reset ? ' this month' : ''}
      </p>
      <meter
        className="meter mt-3 max-w-[34rem]"
        data-tone={spent.usd >= cap.usd * 0.95 ? 'error' : nearlySpent ? 'warning' : 'ok'}
        min={0}
        max={cap.usd}
        value={spent.usd}
        aria-label="Spent of this key’s cap"
      >
        {spent.text} of {cap.text} spent
      </meter>
      {view.budgetFollows ? (
        <p role="status" className="mt-2 max-w-read">
          The budget follows in about a minute: Keymint is reading what the old key used. Until
          then, requests with this key are refused.
        </p>
      ) : null}
      <p className="mt-2 max-w-read text-small text-soft">
        {spent.text} spent,{' '}
        {view.usageAsOf ? (
          <>
            read <Ago iso={view.usageAsOf} asOf={asOf} />
          </>
        ) : (
          'no reading yet'
        )}
        .{' '}
        {lastUse ? (
          <>
            Last use found <Ago iso={lastUse} asOf={asOf} />.
          </>
        ) : (
          'No use found yet.'
        )}
        {isOver
          ? ''
          : ` ${view.committed.text} of the budget is set aside for this key, so it reaches its own ` +
            'cap before the budget runs out.'}
        {nearlySpent && (view.phase === 'ready' || view.phase === 'changing')
          ? ' Over 80 % of the cap is spent.'
          : ''}
      </p>
      {view.corrected ? (
        <p className="mt-2 max-w-read text-small text-soft">
          {view.corrected.usd < 0
            ? `The provider counted ${view.corrected.text.replace('-', '')} too much`
            : `The provider counted ${view.corrected.text} too little`}
          : it is corrected in the ledger. The cap follows the provider’s count.
        </p>
      ) : null}
      {view.chosen.length > 0 ? (
        <p className="mt-2">
          {view.chosen.map(({ label, value }) => `${label}: ${value}`).join('. ')}.
        </p>
      ) : null}
      {!isOver && view.texts && view.upstream === 'as-wanted' && view.perHour === null ? (
        <p className="mt-2 max-w-read text-small text-soft">{view.texts.atCap}</p>
      ) : null}
      {children}
    </Section>
  )
}
