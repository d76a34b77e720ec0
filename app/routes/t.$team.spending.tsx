import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { ButtonLink } from '~/components/base/button'
import { Chart } from '~/components/base/chart'
import { Section } from '~/components/base/page-shell'
import { ModelTable } from '~/components/team/model-spending'
import { MonthChoice } from '~/components/team/month-choice'
import { monthName } from '~/components/team/month-name'
import {
  KeysSpending,
  MembersSpending,
  ProjectsSpending,
  ServicesSpending,
} from '~/components/team/month-tables'
import { RangeForm } from '~/components/team/range-form'
import { rangeName } from '~/components/team/range-name'
import { TeamShell } from '~/components/team/team-shell'
import { ledgerUrl, rangeCsvUrl, spendingCsvUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { readSpendingPage } from '~/web/spending-page.server'
import { frameOf, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  return {
    team: frameOf(insider.team),
    ...(await readSpendingPage(args.ctx, insider, args.request)),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Spending · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Spending() {
  const { team, month, months, range, books, whole, ownKeys, corrected, ...page } =
    useLoaderData<typeof loader>()
  const when = books ? `${books.isOver ? 'in' : 'so far in'} ${monthName(month)}` : rangeName(range)
  return (
    <TeamShell
      team={team}
      title={`${page.total} ${when}`}
      lead={
        whole
          ? 'What the team spent. Members who have left and keys that have ended are included.'
          : 'What you spent. Keys that have ended are included.'
      }
    >
      <MonthChoice month={month} months={months} />
      <RangeForm
        slug={team.slug}
        range={page.typed}
        problem={page.problem}
        part={page.part}
        parts={page.parts}
        presets={page.presets}
        chosen={books === null}
      />
      <p className="mt-4 flex flex-wrap gap-3">
        <ButtonLink to={books ? spendingCsvUrl(team.slug, month) : rangeCsvUrl(team.slug, range)}>
          Download as CSV
        </ButtonLink>
        <ButtonLink to={ledgerUrl(team.slug, books ? month : `${range.to.slice(0, 7)}-01`)}>
          See the ledger
        </ButtonLink>
      </p>
      <Section title="By day" id="by-day">
        <Chart chart={page.chart} />
        <p className="mt-2 max-w-read text-small text-soft">
          Usage counts on the day of its reading (UTC), so what was used just before midnight can
          count on the next day. What is read after a month’s end and belongs to it counts on its
          last day.
          {corrected
            ? ` Corrections of ${corrected} are in the sum and in no bar. They count on the day when ` +
              'somebody made them, or on the last day of the month that they correct.'
            : ''}
        </p>
      </Section>
      {whole ? (
        <Section title="By member" id="by-member">
          <MembersSpending members={page.members} month={books !== null} />
        </Section>
      ) : null}
      <Section title="By service" id="by-service">
        <ServicesSpending services={page.services} />
      </Section>
      <Section title="By project" id="by-project">
        <ProjectsSpending projects={page.projects} />
      </Section>
      {page.models ? (
        <Section title="By model" id="by-model">
          <ModelTable models={page.models} />
        </Section>
      ) : null}
      {ownKeys && whole && page.keys.length === 0 ? null : (
        <Section title={ownKeys && whole ? 'By key of yours' : 'By key'} id="by-key">
          <KeysSpending
            slug={team.slug}
            keys={page.keys}
            more={page.moreKeys}
            month={books !== null}
          />
        </Section>
      )}
    </TeamShell>
  )
}
