import { Link } from '@remix-run/react'
import type { BudgetView } from '~/domain/team/view-types'
import { memberUrl, teamUrl } from '../../urls'
import { EmptyState } from '../base/page-shell'
import { BudgetMeters, MonthEnd } from './budget-meters'
import type { TeamFrame } from './team-shell'

/** A member who has nothing and may ask for it: whatever else a page has is of no use to them. */
export const asksOnly = (team: TeamFrame, budget: BudgetView): boolean =>
  team.role === 'member' && team.state === 'active' && !team.closedAt && isEmptyBudget(budget)

/** Nothing is allocated, and no key holds or has spent anything. */
export const isEmptyBudget = (budget: BudgetView): boolean =>
  [budget.allocated, budget.committed, budget.spent].every(({ usd }) => usd === 0)

/** Who decides about budgets sets it first. `name`: of a service account, null for one's own. */
export function SetBudgetFirst({
  slug,
  userId,
  name,
}: {
  slug: string
  userId: string
  name: string | null
}) {
  return (
    <EmptyState title={name === null ? 'You have no budget yet' : `${name} has no budget yet`}>
      <p>
        A key is paid from its holder’s budget.{' '}
        <Link className="prose-link" to={`${memberUrl(slug, userId)}#change`}>
          {name === null ? 'Set your budget' : 'Set its budget'}
        </Link>
        , then make the key.
      </p>
    </EmptyState>
  )
}

/** The reader's own budget, or how to get one, and the way to a key. */
export function OwnMonth({
  team,
  budget,
  asOf,
}: {
  team: TeamFrame
  budget: BudgetView
  asOf: string
}) {
  const empty = isEmptyBudget(budget)
  const mayAsk = team.state === 'active' && !team.closedAt
  return (
    <>
      {empty && !mayAsk ? <p className="text-soft">You had no budget this month.</p> : null}
      {empty && !mayAsk ? null : empty ? (
        <EmptyState title="You have no budget yet">
          <p>
            {team.role === 'owner' || team.role === 'finance' ? (
              <>
                Set one on the{' '}
                <Link className="prose-link" to={teamUrl(team.slug, 'members')}>
                  members page
                </Link>
                .
              </>
            ) : (
              <>
                An owner sets it. You can{' '}
                <Link className="prose-link" to={teamUrl(team.slug, 'store')}>
                  request one
                </Link>
                .
              </>
            )}
          </p>
        </EmptyState>
      ) : (
        <BudgetMeters budget={budget} whose="your budget" />
      )}
      {budget.teamLeft ? (
        <p className="mt-4 max-w-read text-small text-soft">
          {budget.teamLeft.text} is left for all members under the team’s ceiling of this month.
          Only an owner can change the ceiling.
        </p>
      ) : null}
      <MonthEnd budget={budget} asOf={asOf} />
      {mayAsk ? (
        <p className="mt-4">
          <Link className="button" data-kind="key" to={teamUrl(team.slug, 'store')}>
            Make a key
          </Link>
        </p>
      ) : null}
    </>
  )
}
