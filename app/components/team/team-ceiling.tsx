import { Form, Link } from '@remix-run/react'
import type { CeilingView } from '~/domain/team/team-ceiling.server'
import { teamUrl } from '../../urls'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { anyAmount } from './amount-messages'
import { monthName } from './month-name'

/** How the month stands under the team's ceiling. `linked` leads owners to where they change it. */
export function CeilingSummary({
  slug,
  view,
  linked,
}: {
  slug: string
  view: CeilingView
  linked: boolean
}) {
  const { ceiling, spent, committed, left, beyond } = view
  const isPassed = beyond.usd > 0
  return (
    <div className="max-w-read">
      <p className="font-semibold">
        {isPassed
          ? `${beyond.text} beyond the team’s ceiling of ${ceiling.text}`
          : `${left.text} left under the team’s ceiling of ${ceiling.text}`}
      </p>
      <meter
        className="meter mt-2"
        min={0}
        max={Math.max(ceiling.usd, spent.usd + committed.usd, 0.01)}
        value={spent.usd + committed.usd}
        aria-label="Spent and set aside under the team’s ceiling"
      >
        {spent.text} and {committed.text} of {ceiling.text}
      </meter>
      <p className="mt-1 text-small text-soft">
        {spent.text} is spent in {monthName(view.month)}, and {committed.text} is set aside for keys
        that can still spend it.{' '}
        {linked ? (
          <Link className="prose-link" to={teamUrl(slug, 'limits')}>
            Change the ceiling
          </Link>
        ) : null}
      </p>
      {isPassed ? (
        <div className="mt-4">
          <Callout tone="warning" title="No key can be made in this team">
            <p>
              The ceiling is below what is spent and set aside: it was lowered, or a provider
              counted more than a cap. Live keys keep working up to their caps. New keys and higher
              caps are possible when keys end, when caps are lowered or when an owner raises the
              ceiling.
            </p>
          </Callout>
        </div>
      ) : null}
      {view.overbooked ? (
        <p className="mt-3 text-small text-soft">
          The budgets of {monthName(view.month)} add up to {view.budgets.text}, which is more than
          the ceiling. They stay as they are: each member can use theirs until the team reaches the
          ceiling.
        </p>
      ) : null}
    </div>
  )
}

/** Sets the ceiling. `refused` is what was typed and is no amount. */
export function CeilingForm({
  current,
  refused,
}: {
  current: CeilingView['ceiling'] | null
  refused: string | null
}) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-4">
      <input type="hidden" name="was" value={current ? current.usd.toFixed(2) : ''} />
      <Field
        label="Ceiling of the team a month, in USD"
        name="amount"
        hint={
          'What all members together may have spent and set aside in a month. Empty for no ceiling. ' +
          'Budgets and live keys stay as they are; above the ceiling nobody can make a key or raise a cap.'
        }
        defaultValue={refused ?? (current ? current.usd.toFixed(2) : '')}
        {...(refused === null ? {} : { error: anyAmount })}
      />
      <Button type="submit" name="intent" value="team-ceiling">
        Set the ceiling
      </Button>
    </Form>
  )
}
