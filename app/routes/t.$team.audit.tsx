import type { MetaFunction } from '@remix-run/node'
import { Form, Link, useLoaderData } from '@remix-run/react'
import { Button } from '~/components/base/button'
import { Select } from '~/components/base/field'
import { EmptyState } from '~/components/base/page-shell'
import { detailText } from '~/components/team/team-audit-details'
import { TeamShell } from '~/components/team/team-shell'
import { auditCsvUrl, teamUrl } from '~/urls'
import { Time } from '~/components/base/time'
import { auditKinds } from '~/domain/team/audit-kinds'
import { listTeamAudit } from '~/domain/team/audit-view.server'
import { listMembers } from '~/domain/team/team-view.server'
import { labelOfTeamAction } from '~/messages/audit'
import { handler } from '~/web/handler.server'
import { auditFilterOf } from '~/web/team-audit'
import { frameOf, requireOwner } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireOwner(args)
  const filter = auditFilterOf(args.request)
  const [page, members] = await Promise.all([
    listTeamAudit(args.ctx, team.slug, filter),
    listMembers(args.ctx, team.teamId),
  ])
  return {
    team: frameOf(team),
    page,
    filter,
    people: members.map(({ userId, name }) => ({ value: userId, label: name })),
    asOf: args.ctx.now().toISOString(),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Audit · ${data?.team.name ?? 'Team'} · Keymint` },
]

const kindWords: Record<(typeof auditKinds)[number], string> = {
  'sub-key': 'life of keys',
  key: 'keys made',
  budget: 'budgets',
  member: 'members',
  invitation: 'invitations',
  vault: 'the vault',
  team: 'the team',
}

/** Ids that only help whoever looks into rows: they are in the export. */
const forMachines = new Set(['attemptId', 'keyHash', 'invitation'])
const hasNoName = (subject: string) => /^(invitation|team):/.test(subject)

export default function Audit() {
  const { team, page, filter, people, asOf } = useLoaderData<typeof loader>()
  const query = (change: Record<string, string | undefined>) => {
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
      title="What happened in the team."
      lead="Every allocation, key, change, showing, replacement and removal, newest first. Nothing here can be changed or deleted."
    >
      <Form method="get" className="mt-6 flex flex-wrap items-end gap-4">
        <Select
          label="About"
          name="about"
          defaultValue={filter.about ?? ''}
          options={[
            { value: '', label: 'everything' },
            ...auditKinds.map((kind) => ({ value: kind, label: kindWords[kind] })),
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
          className="button"
          data-kind="quiet"
          href={`${auditCsvUrl(team.slug)}${query({ before: undefined })}`}
        >
          Export as CSV
        </a>
      </Form>
      <div className="mt-8">
        {page.rows.length === 0 ? (
          <EmptyState title="Nothing to show.">
            <p>
              No event fits.{' '}
              <Link className="prose-link" to={teamUrl(team.slug, 'audit')}>
                Show everything
              </Link>
              .
            </p>
          </EmptyState>
        ) : (
          <div className="relative overflow-x-auto" tabIndex={0} role="region" aria-label="Events">
            <table className="ledger min-w-[56rem]">
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">Did</th>
                  <th scope="col">To</th>
                  <th scope="col">Details</th>
                </tr>
              </thead>
              <tbody>
                {page.rows.map((row) => (
                  <tr key={row.id}>
                    <td className="whitespace-nowrap text-soft">
                      <Time iso={row.at} now={asOf} />
                    </td>
                    <td>{row.actor}</td>
                    <td>{labelOfTeamAction(row.action)}</td>
                    <td className="[overflow-wrap:anywhere]">
                      {hasNoName(row.subject) ? '' : row.subject}
                    </td>
                    <td className="min-w-64 [overflow-wrap:anywhere] text-soft">
                      {row.details
                        .filter(([name]) => !forMachines.has(name))
                        .map(detailText)
                        .join(', ')}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {page.older || filter.before ? (
          <p className="mt-4 flex flex-wrap gap-4">
            {filter.before ? (
              <Link
                className="inline-flex min-h-11 items-center prose-link"
                to={query({ before: undefined }) || '?'}
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
