import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { EmptyState, Section } from '~/components/base/page-shell'
import { SubKeyTable } from '~/components/team/sub-key-table'
import { TeamShell } from '~/components/team/team-shell'
import { teamUrl } from '~/urls'
import { mayHoldKeys } from '~/domain/money/roles'
import { listSubKeys } from '~/domain/team/sub-key-view.server'
import { handler } from '~/web/handler.server'
import { frameOf, isActiveOwner, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const isOwner = isActiveOwner(team)
  const keys = await listSubKeys(
    ctx,
    isOwner ? { teamId: team.teamId } : { teamId: team.teamId, userId: viewer.userId },
  )
  const own = keys.filter((key) => key.holder.userId === viewer.userId)
  return {
    team: frameOf(team),
    own,
    others: isOwner ? keys.filter((key) => key.holder.userId !== viewer.userId) : null,
    asOf: ctx.now().toISOString(),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Keys · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function MyKeys() {
  const { team, own, others, asOf } = useLoaderData<typeof loader>()
  const mayMake = team.state === 'active' && !team.closedAt && mayHoldKeys(team.role)
  const live = own.filter((key) => key.phase !== 'ended' && key.phase !== 'refused')
  const over = own.filter((key) => key.phase === 'ended' || key.phase === 'refused')
  return (
    <TeamShell
      team={team}
      title={
        live.length === 0
          ? 'You have no keys'
          : live.length === 1
            ? 'You have one key'
            : `You have ${live.length} keys`
      }
      lead={
        mayMake
          ? 'Select a key to show it, change its cap, replace it or delete it.'
          : 'Select a key to see what it spent.'
      }
    >
      <Section title="Your keys" id="own">
        {live.length === 0 ? (
          <EmptyState title={mayMake ? 'No key yet' : 'No live key'}>
            {mayMake ? (
              <p>
                <Link className="prose-link" to={teamUrl(team.slug, 'store')}>
                  Make one
                </Link>{' '}
                within your budget.
              </p>
            ) : null}
          </EmptyState>
        ) : (
          <SubKeyTable slug={team.slug} keys={live} holders={false} asOf={asOf} />
        )}
        {over.length > 0 ? (
          <details className="mt-4">
            <summary className="inline-flex min-h-11 items-center prose-link">
              {over.length} ended or not made
            </summary>
            <SubKeyTable slug={team.slug} keys={over} holders={false} asOf={asOf} />
          </details>
        ) : null}
      </Section>
      {others ? (
        <Section title="Keys of other members" id="team">
          {others.length === 0 ? (
            <EmptyState title="No other member has a key">
              <p>
                Keys of members appear here with their usage. You can change their caps and delete
                them. Only the holder can see a key.
              </p>
            </EmptyState>
          ) : (
            <SubKeyTable slug={team.slug} keys={others} holders asOf={asOf} />
          )}
        </Section>
      ) : null}
    </TeamShell>
  )
}
