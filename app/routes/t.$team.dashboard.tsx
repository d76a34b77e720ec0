import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Link, useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { ButtonLink } from '~/components/base/button'
import { BeginningList } from '~/components/team/beginning'
import { TeamAccountFailures } from '~/components/team/account-failures'
import { BudgetMeters } from '~/components/team/budget-meters'
import { Callout } from '~/components/base/callout'
import { Section } from '~/components/base/page-shell'
import { KeyForecasts } from '~/components/team/key-forecasts'
import { LeaveTeam } from '~/components/team/leave-team'
import { MemberSpending } from '~/components/team/member-spending'
import { monthName } from '~/components/team/month-name'
import { asksOnly, OwnMonth } from '~/components/team/own-month'
import { ProviderSpending } from '~/components/team/provider-spending'
import { leaveProblems } from '~/components/team/team-messages'
import { Chart } from '~/components/base/chart'
import { CeilingSummary } from '~/components/team/team-ceiling'
import { TeamShell } from '~/components/team/team-shell'
import { meUrl, spendingUrl, teamUrl } from '~/urls'
import { Ago } from '~/components/base/time'
import { readBeginning } from '~/domain/team/beginning.server'
import { listMemberTotals, readBudgetView, type MemberView } from '~/domain/team/team-view.server'
import { readForecasts } from '~/domain/team/forecasts.server'
import { readSpending } from '~/domain/team/spending.server'
import { mayHandleMoney, mayHoldKeys, maySeeTeamMoney } from '~/domain/money/roles'
import { readCeilingView } from '~/domain/team/team-ceiling.server'
import { isLastOwner, removeMember } from '~/domain/team/team.server'
import { listMasterKeys, type MasterKeyView } from '~/domain/vault/vault.server'
import { handler } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { spendingChart } from '~/web/spending-chart.server'
import { frameOf, isActiveOwner, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const isOwner = isActiveOwner(team)
  const all = maySeeTeamMoney(team.role) && team.state === 'active'
  const scopeOf = (everybody: boolean) => ({
    teamId: team.teamId,
    userId: everybody ? null : viewer.userId,
  })
  const own = await readBudgetView(ctx, { teamId: team.teamId, userId: viewer.userId })
  const [beginning, totals, ceiling, spending, forecasts, accounts, isLast] = await Promise.all([
    isOwner ? readBeginning(ctx, team.teamId) : null,
    all ? listMemberTotals(ctx, team.teamId) : null,
    all ? readCeilingView(ctx, team.teamId) : null,
    readSpending(ctx, scopeOf(all)),
    // Of keys, only an owner sees those of others.
    readForecasts(ctx, scopeOf(isOwner)),
    isOwner ? listMasterKeys(ctx, team.teamId) : [],
    isOwner && isLastOwner(ctx.db, { teamId: team.teamId, userId: viewer.userId }),
  ])
  const chart = spendingChart(spending, totals ? 'the team' : 'you', monthName(own.month))
  const { providers, late, asOf: readAt } = spending
  return {
    team: frameOf(team),
    own,
    beginning,
    self: viewer.userId,
    totals:
      totals &&
      (mayHandleMoney(team.role)
        ? totals
        : { ...totals, members: totals.members.map(withoutEmail) }),
    ceiling,
    isOwner,
    providers,
    late,
    readAt,
    chart,
    forecasts,
    isLast,
    accounts: accounts.filter(({ destroyedAt }) => destroyedAt === null).map(accountFailure),
    asOf: ctx.now().toISOString(),
  }
})

/** A viewer sees what people spend, and no address of theirs. */
const withoutEmail = (member: MemberView): MemberView => ({ ...member, email: null })

/** Of a credential, what the overview says: a browser needs no more. */
const accountFailure = ({ title, label, failure, unread, parked }: MasterKeyView) => ({
  title,
  label,
  failure,
  unread,
  parked,
})

const leaveForm = z.object({ intent: z.literal('leave'), sure: z.literal('yes') })

/** Leaving is the only action here. */
export const action = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const form = await parseForm(leaveForm, args.request)
  if (!form.ok) return data({ problem: 'unsure' as const }, { status: 422 })
  const ref = { teamId: team.teamId, userId: viewer.userId }
  const outcome = await removeMember(args.ctx, ref, viewer.userId, 'left')
  if (outcome.kind === 'done') return redirect(meUrl(), 303)
  const problem = outcome.reason === 'last-owner' ? 'last-owner' : 'gone'
  return data({ problem } as const, { status: 409 })
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Dashboard() {
  const {
    team,
    own,
    beginning,
    self,
    totals,
    ceiling,
    isOwner,
    providers,
    late,
    readAt,
    chart,
    forecasts,
    isLast,
    accounts,
    asOf,
  } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer ? leaveProblems[answer.problem] : null
  const month = monthName(own.month)
  const onlyAsks = asksOnly(team, own)
  return (
    <TeamShell
      team={team}
      title={
        onlyAsks
          ? 'You have no budget yet'
          : beginning
            ? 'Your team’s first key'
            : totals
              ? `${totals.sum.free.text} of the team’s budget for ${month} is free`
              : `${own.free.text} of your budget for ${month} is free`
      }
    >
      {problem ? (
        <div role="status" className="mt-6 max-w-read">
          <Callout tone="warning" title={problem.title}>
            <p>{problem.next}</p>
          </Callout>
        </div>
      ) : null}
      <TeamAccountFailures accounts={accounts} asOf={asOf} />
      {beginning ? (
        <Section title="First steps" id="beginning">
          <BeginningList slug={team.slug} userId={self} beginning={beginning} />
        </Section>
      ) : null}
      {onlyAsks ? (
        <div className="mt-8 max-w-read space-y-4">
          <p className="text-lead text-soft">
            A key is paid from your budget, so you need one before you can make a key. The owners of
            the team decide.
          </p>
          <ButtonLink kind="key" to={teamUrl(team.slug, 'store')}>
            Request a budget
          </ButtonLink>
        </div>
      ) : (
        <>
          {totals ? (
            <Section title="The team’s month" id="team-month">
              <BudgetMeters budget={totals.sum} whose="the team’s budget" />
              {ceiling ? (
                <div className="mt-8">
                  <CeilingSummary
                    slug={team.slug}
                    view={ceiling}
                    linked={isOwner && !team.closedAt}
                  />
                </div>
              ) : null}
            </Section>
          ) : null}
          {mayHoldKeys(team.role) ? (
            <Section title="Your month" id="own-month">
              <OwnMonth team={team} budget={own} asOf={asOf} />
            </Section>
          ) : null}
          {totals ? (
            <Section title="By member" id="by-member">
              <MemberSpending
                slug={team.slug}
                members={totals.members}
                links={mayHandleMoney(team.role)}
                asOf={asOf}
              />
            </Section>
          ) : null}
          <Section title="By provider" id="by-provider">
            <ProviderSpending providers={providers} />
          </Section>
          <Section title="By day" id="by-day">
            <Chart chart={chart} />
            <p className="mt-2 max-w-read text-small text-soft">
              {readAt ? (
                <>
                  As of <Ago iso={readAt} asOf={asOf} />, the oldest of the last readings. Usage is
                  read every minute. A provider may count the newest requests a little later.
                </>
              ) : (
                'No usage yet. Usage is read every minute.'
              )}{' '}
              Usage counts on the day of its reading (UTC), so what was used just before midnight
              can count on the next day.
              {late ? (
                <>
                  {' '}
                  {late.spent.text} was read this month and belongs to {monthName(late.month)}:{' '}
                  <Link className="prose-link" to={spendingUrl(team.slug, late.month)}>
                    see {monthName(late.month)}
                  </Link>
                  .
                </>
              ) : null}
            </p>
          </Section>
          {mayHoldKeys(team.role) ? (
            <Section title="Running out soon" id="forecasts">
              <KeyForecasts slug={team.slug} forecasts={forecasts} asOf={asOf} />
            </Section>
          ) : null}
        </>
      )}
      <Section title="Leave the team" id="leave">
        <LeaveTeam slug={team.slug} name={team.name} last={isLast} />
      </Section>
    </TeamShell>
  )
}
