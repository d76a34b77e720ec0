import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { ButtonLink } from '~/components/base/button'
import { Section } from '~/components/base/page-shell'
import { LedgerTable } from '~/components/team/ledger-table'
import { MonthChoice } from '~/components/team/month-choice'
import { monthName } from '~/components/team/month-name'
import { TeamShell } from '~/components/team/team-shell'
import { listPostings } from '~/domain/team/books.server'
import { correctionsUrl, ledgerCsvUrl, ledgerUrl, teamUrl } from '~/urls'
import { ledgerScope, monthAsked } from '~/web/books.server'
import { handler } from '~/web/handler.server'
import { frameOf, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const insider = await requireMember(args)
  const { ctx } = args
  const scope = ledgerScope(insider)
  const { month, months } = await monthAsked(ctx, scope, args.request)
  const before = new URL(args.request.url).searchParams.get('before')
  return {
    team: frameOf(insider.team),
    month,
    months,
    page: await listPostings(ctx, scope, month, before),
    whole: scope.userId === null,
    asOf: ctx.now().toISOString(),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Ledger · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Ledger() {
  const { team, month, months, page, whole, asOf } = useLoaderData<typeof loader>()
  return (
    <TeamShell
      team={team}
      title={`The ledger of ${monthName(month)}`}
      lead={`Every movement of ${whole ? 'the team’s' : 'your'} money. Nothing in it is ever changed.`}
      back={{ to: teamUrl(team.slug, 'spending'), label: 'Spending' }}
    >
      <MonthChoice month={month} months={months} />
      <p className="mt-4 flex flex-wrap gap-3">
        <ButtonLink to={ledgerCsvUrl(team.slug, month)}>Download as CSV</ButtonLink>
        {whole ? <ButtonLink to={correctionsUrl(team.slug, month)}>Corrections</ButtonLink> : null}
      </p>
      <Section title="Postings" id="postings">
        <LedgerTable rows={page.rows} asOf={asOf} />
        {page.older ? (
          <p className="mt-4">
            <ButtonLink to={ledgerUrl(team.slug, month, page.older)}>Older</ButtonLink>
          </p>
        ) : null}
      </Section>
    </TeamShell>
  )
}
