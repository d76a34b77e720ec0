import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { ButtonLink } from '~/components/base/button'
import { Chart } from '~/components/base/chart'
import { Section } from '~/components/base/page-shell'
import { MonthChoice } from '~/components/team/month-choice'
import { monthName } from '~/components/team/month-name'
import { MonthKeys, MonthMembers, MonthServices } from '~/components/team/month-tables'
import { TeamShell } from '~/components/team/team-shell'
import { readMonth } from '~/domain/team/months.server'
import { ledgerUrl, spendingCsvUrl } from '~/urls'
import { booksScope, monthAsked } from '~/web/books.server'
import { handler } from '~/web/handler.server'
import { spendingChart } from '~/web/spending-chart.server'
import { frameOf, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  const { ctx } = args
  const scope = booksScope(insider)
  const { month, months } = await monthAsked(ctx, scope, args.request)
  const view = await readMonth(ctx, scope, month)
  const whose = scope.userId === null ? 'the team' : 'you'
  return {
    team: frameOf(insider.team),
    months,
    view,
    chart: spendingChart(view, whose, monthName(month), view.isOver),
    whole: scope.userId === null,
    ownKeys: scope.keysOf !== null,
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Spending · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Spending() {
  const { team, months, view, chart, whole, ownKeys } = useLoaderData<typeof loader>()
  const when = view.isOver ? 'in' : 'so far in'
  return (
    <TeamShell
      team={team}
      title={`${view.total.text} ${when} ${monthName(view.month)}`}
      lead={
        whole
          ? 'What the team spent. Members who have left and keys that have ended are included.'
          : 'What you spent. Keys that have ended are included.'
      }
    >
      <MonthChoice month={view.month} months={months} />
      <p className="mt-4 flex flex-wrap gap-3">
        <ButtonLink to={spendingCsvUrl(team.slug, view.month)}>Download as CSV</ButtonLink>
        <ButtonLink to={ledgerUrl(team.slug, view.month)}>See the ledger</ButtonLink>
      </p>
      <Section title="By day" id="by-day">
        <Chart chart={chart} />
        <p className="mt-2 max-w-read text-small text-soft">
          Usage counts on the day of its reading (UTC), so what was used just before midnight can
          count on the next day. What is read after the month’s end and belongs to it counts on its
          last day.
          {view.corrected
            ? ` Corrections of ${view.corrected.text} are in the sum and in no day.`
            : ''}
        </p>
      </Section>
      {whole ? (
        <Section title="By member" id="by-member">
          <MonthMembers members={view.members} />
        </Section>
      ) : null}
      <Section title="By service" id="by-service">
        <MonthServices services={view.services} />
      </Section>
      {ownKeys && whole && view.keys.length === 0 ? null : (
        <Section title={ownKeys && whole ? 'By key of yours' : 'By key'} id="by-key">
          <MonthKeys slug={team.slug} keys={view.keys} more={view.moreKeys} />
        </Section>
      )}
    </TeamShell>
  )
}
