import type { MetaFunction } from '@remix-run/node'
import { Form, Link, useLoaderData } from '@remix-run/react'
import { Button } from '~/components/base/button'
import { Select } from '~/components/base/field'
import { EmptyState } from '~/components/base/page-shell'
import { AuditTable } from '~/components/team/audit-table'
import { kindLabels } from '~/components/team/team-audit-details'
import { TeamShell } from '~/components/team/team-shell'
import { auditCsvUrl, teamUrl } from '~/urls'
import { auditKinds } from '~/domain/team/audit-kinds'
import { listTeamAudit } from '~/domain/team/audit-view.server'
import { listMembers } from '~/domain/team/team-view.server'
import { handler } from '~/web/handler.server'
import { auditFilterOf } from '~/web/team-audit'
import { frameOf, requireMoneyRole } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireMoneyRole(args)
  const filter = auditFilterOf(args.request)
  const [page, members] = await Promise.all([
    listTeamAudit(args.ctx, team.slug, filter),
    listMembers(args.ctx, team.teamId),
  ])
  return {
    team: frameOf(team),
    page,
    filter,
    // A service account does nothing itself.
    people: members
      .filter(({ role }) => role !== 'service')
      .map(({ userId, name }) => ({ value: userId, label: name })),
    asOf: args.ctx.now().toISOString(),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Activity · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Audit() {
  const { team, page, filter, people, asOf } = useLoaderData<typeof loader>()
  const query = (change: { before: string | null }) => {
    const params = new URLSearchParams(
      Object.entries({ ...filter, ...change }).filter((entry): entry is [string, string] =>
        Boolean(entry[1]),
      ),
    )
    return params.size > 0 ? `?${params.toString()}` : ''
  }
  return (
    <TeamShell
      team={team}
      title="Activity"
      lead="All changes in the team, and each time a key was shown. Events cannot be changed or deleted."
    >
      <Form method="get" className="mt-6 flex flex-wrap items-end gap-4">
        <Select
          label="About"
          name="about"
          defaultValue={filter.about ?? ''}
          options={[
            { value: '', label: 'everything' },
            ...auditKinds.map((kind) => ({ value: kind, label: kindLabels[kind] })),
          ]}
        />
        <Select
          label="Done by"
          name="by"
          defaultValue={filter.by ?? ''}
          options={[{ value: '', label: 'anybody' }, ...people]}
        />
        <Button type="submit">Show</Button>
        <a
          className="inline-flex min-h-11 items-center prose-link"
          href={`${auditCsvUrl(team.slug)}${query({ before: null })}`}
        >
          Export as CSV
        </a>
      </Form>
      <div className="mt-8">
        {page.rows.length === 0 ? (
          <EmptyState title="No events">
            <p>
              No event matches the filter.{' '}
              <Link className="prose-link" to={teamUrl(team.slug, 'audit')}>
                Show everything
              </Link>
              .
            </p>
          </EmptyState>
        ) : (
          <AuditTable rows={page.rows} asOf={asOf} />
        )}
        {page.older || filter.before ? (
          <p className="mt-4 flex flex-wrap gap-4">
            {filter.before ? (
              <Link
                className="inline-flex min-h-11 items-center prose-link"
                to={query({ before: null }) || '?'}
              >
                Newest
              </Link>
            ) : null}
            {page.older ? (
              <Link
                className="inline-flex min-h-11 items-center prose-link"
                to={query({ before: page.older })}
              >
                Older
              </Link>
            ) : null}
          </p>
        ) : null}
      </div>
    </TeamShell>
  )
}
