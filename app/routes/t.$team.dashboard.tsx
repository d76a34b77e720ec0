import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, Link, useActionData, useLoaderData } from '@remix-run/react'
import { BudgetFigures, MonthEnd } from '~/components/team/budget-figures'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { EmptyState, Section } from '~/components/base/page-shell'
import { Chart } from '~/components/base/chart'
import { Table } from '~/components/base/table'
import { serviceTitle } from '~/components/team/sub-key-words'
import { TeamShell } from '~/components/team/team-shell'
import { memberUrl, subKeyUrl, teamUrl } from '~/urls'
import { Ago, Time } from '~/components/base/time'
import { listMemberTotals, readBudgetView, type MemberView } from '~/domain/team/team-view.server'
import { readForecasts, type KeyForecast } from '~/domain/team/forecasts.server'
import { readSpending, type ProviderView } from '~/domain/team/spending.server'
import { removeMember } from '~/domain/team/team.server'
import { handler } from '~/web/handler.server'
import { spendingChart } from '~/web/spending-chart.server'
import { frameOf, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const isOwner = team.role === 'owner' && team.state === 'active'
  const scope = { teamId: team.teamId, userId: isOwner ? null : viewer.userId }
  const own = await readBudgetView(ctx, { teamId: team.teamId, userId: viewer.userId })
  const [totals, spending, forecasts] = await Promise.all([
    isOwner ? listMemberTotals(ctx, team.teamId) : null,
    readSpending(ctx, scope),
    readForecasts(ctx, scope),
  ])
  const chart = spendingChart(spending, totals ? 'the team' : 'you', own.monthWords)
  const { providers, asOf: readAt } = spending
  return {
    team: frameOf(team),
    own,
    totals,
    providers,
    readAt,
    chart,
    forecasts,
    asOf: ctx.now().toISOString(),
  }
})

/** Leaving is the one thing done from here. */
export const action = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const form = await args.request.formData()
  if (form.get('intent') !== 'leave' || form.get('sure') !== 'yes')
    return data({ problem: 'unsure' as const }, { status: 422 })
  const outcome = await removeMember(
    args.ctx,
    { teamId: team.teamId, userId: viewer.userId },
    viewer.userId,
    'left',
  )
  if (outcome.kind === 'done') return redirect('/me', 303)
  return data(
    { problem: outcome.reason === 'last-owner' ? ('last-owner' as const) : ('gone' as const) },
    { status: 409 },
  )
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data?.team.name ?? 'Team'} · Keymint` },
]

const problems = {
  unsure: {
    title: 'You are still in the team.',
    words: 'Tick the box first: leaving ends your keys at once.',
  },
  'last-owner': {
    title: 'You are the only owner, so you cannot leave.',
    words: 'Make somebody else an owner on the members page, then leave.',
  },
  gone: { title: 'You have left already.', words: 'Reload the page.' },
}

export default function Dashboard() {
  const { team, own, totals, providers, readAt, chart, forecasts, asOf } =
    useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  return (
    <TeamShell
      team={team}
      title={
        totals
          ? `${totals.sum.free.text} of the team’s ${own.monthWords} is free.`
          : `${own.free.text} of your ${own.monthWords} is free.`
      }
    >
      {answer ? (
        <div role="status" className="mt-6 max-w-read">
          <Callout tone="warning" title={problems[answer.problem].title}>
            <p>{problems[answer.problem].words}</p>
          </Callout>
        </div>
      ) : null}
      {totals ? (
        <Section title="The team’s month" id="team-month">
          <BudgetFigures budget={totals.sum} whose="the team’s budgets" />
        </Section>
      ) : null}
      <Section title="Your month" id="own-month">
        {own.allocated.usd === 0 && own.committed.usd === 0 && own.spent.usd === 0 ? (
          <EmptyState title="You have no budget yet.">
            <p>
              {team.role === 'owner' ? (
                <>
                  Give yourself one on the{' '}
                  <Link className="prose-link" to={teamUrl(team.slug, 'members')}>
                    members page
                  </Link>
                  .
                </>
              ) : (
                <>
                  An owner gives you one. You can{' '}
                  <Link className="prose-link" to={teamUrl(team.slug, 'store')}>
                    ask for it
                  </Link>
                  .
                </>
              )}
            </p>
          </EmptyState>
        ) : (
          <BudgetFigures budget={own} whose="your budget" />
        )}
        <MonthEnd budget={own} asOf={asOf} />
        {team.state === 'active' ? (
          <p className="mt-4">
            <Link className="button" data-kind="key" to={teamUrl(team.slug, 'store')}>
              Make a key
            </Link>
          </p>
        ) : null}
      </Section>
      {totals ? (
        <Section title="By member" id="by-member">
          <ByMember slug={team.slug} members={totals.members} asOf={asOf} />
        </Section>
      ) : null}
      <Section title="By provider" id="by-provider">
        <ByProvider providers={providers} />
      </Section>
      <Section title="By day" id="by-day">
        <Chart chart={chart} />
        <p className="mt-2 text-small text-soft">
          {readAt ? (
            <>
              As of <Ago iso={readAt} asOf={asOf} />, the oldest of the last readings. Usage is read
              every minute, and a provider may count the newest requests a little later.
            </>
          ) : (
            'No key has been read yet. Usage is read every minute.'
          )}
        </p>
      </Section>
      <Section title="What runs out when" id="forecasts">
        <Forecasts slug={team.slug} forecasts={forecasts} asOf={asOf} />
      </Section>
      <Section title="Leave the team" id="leave">
        <Form method="post" className="max-w-read space-y-3">
          <p>Your keys end at once, and what they have not spent goes back to the team.</p>
          <label className="flex min-h-11 items-start gap-3 py-2">
            <input
              type="checkbox"
              name="sure"
              value="yes"
              className="mt-1 size-5 shrink-0 accent-ink"
            />
            <span>Yes, end my keys and take me out of {team.name}.</span>
          </label>
          <Button type="submit" name="intent" value="leave">
            Leave {team.name}
          </Button>
        </Form>
      </Section>
    </TeamShell>
  )
}

function ByMember({ slug, members, asOf }: { slug: string; members: MemberView[]; asOf: string }) {
  return (
    <Table
      label="By member"
      className="min-w-[48rem]"
      rows={members}
      rowKey={(member) => member.userId}
      columns={[
        {
          head: 'Member',
          header: true,
          cell: (member) => (
            <Link className="prose-link" to={memberUrl(slug, member.userId)}>
              {member.name}
            </Link>
          ),
        },
        { head: 'Allocated', right: true, cell: (member) => member.allocated.text },
        { head: 'Committed', right: true, cell: (member) => member.committed.text },
        { head: 'Spent', right: true, cell: (member) => member.spent.text },
        {
          head: 'Free',
          right: true,
          className: (member) => (member.short ? 'text-brick-ink' : undefined),
          cell: (member) => `${member.free.text}${member.short ? ' (short)' : ''}`,
        },
        { head: 'Keys', right: true, cell: (member) => member.liveKeys },
        {
          head: 'At the pace of late',
          className: 'text-soft',
          cell: (member) =>
            member.runsOut ? (
              <>
                gone by <Time iso={member.runsOut} now={asOf} />
              </>
            ) : member.spent.usd > 0 ? (
              'lasts the month'
            ) : (
              ''
            ),
        },
      ]}
    />
  )
}

function ByProvider({ providers }: { providers: ProviderView[] }) {
  if (providers.length === 0) return <p className="text-soft">No key has been made yet.</p>
  return (
    <Table
      label="By provider"
      className="max-w-[36rem] min-w-[30rem]"
      rows={providers}
      rowKey={(row) => row.service}
      columns={[
        { head: 'Provider', header: true, cell: (row) => serviceTitle(row.service) },
        { head: 'Live keys', right: true, cell: (row) => row.liveKeys },
        { head: 'Committed', right: true, cell: (row) => row.committed.text },
        { head: 'Spent this month', right: true, cell: (row) => row.spent.text },
      ]}
    />
  )
}

function Forecasts({
  slug,
  forecasts,
  asOf,
}: {
  slug: string
  forecasts: KeyForecast[]
  asOf: string
}) {
  if (forecasts.length === 0)
    return <p className="text-soft">No key ends or runs dry within two weeks.</p>
  return (
    <ul className="max-w-read divide-y divide-rule border-y border-rule">
      {forecasts.map((row) => (
        <li key={row.id} className="py-3">
          <Link className="font-semibold prose-link" to={subKeyUrl(slug, row.id)}>
            {row.purpose}
          </Link>{' '}
          <span className="text-soft">of {row.holder}</span>
          <p className="text-soft">
            {row.because === 'spent' ? (
              <>
                {row.left.text} left: at the pace of the last seven days gone by{' '}
                <Time iso={row.at} now={asOf} />.
              </>
            ) : row.because === 'dry' ? (
              'Its cap is spent.'
            ) : (
              <>
                Ends <Time iso={row.at} now={asOf} />, with {row.left.text} left now.
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  )
}
