import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { EmptyState, Section } from '~/components/base/page-shell'
import { SubKeyTable } from '~/components/team/sub-key-table'
import { TeamShell } from '~/components/team/team-shell'
import { teamUrl } from '~/urls'
import { listSubKeys } from '~/domain/team/sub-key-view.server'
import { handler } from '~/web/handler.server'
import { frameOf, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const isOwner = team.role === 'owner' && team.state === 'active'
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
  const live = own.filter((key) => key.phase !== 'ended' && key.phase !== 'refused')
  const over = own.filter((key) => key.phase === 'ended' || key.phase === 'refused')
  return (
    <TeamShell
      team={team}
      title={
        live.length === 0
          ? 'You hold no key.'
          : live.length === 1
            ? 'You hold one key.'
            : `You hold ${live.length} keys.`
      }
      lead="A key leads to its page: show it, change its cap, replace it, delete it."
    >
      <Section title="Yours" id="own">
        {live.length === 0 ? (
          <EmptyState title="No key yet.">
            <p>
              <Link className="prose-link" to={teamUrl(team.slug, 'store')}>
                Make one
              </Link>{' '}
              inside your budget.
            </p>
          </EmptyState>
        ) : (
          <SubKeyTable slug={team.slug} keys={live} holders={false} asOf={asOf} />
        )}
        {over.length > 0 ? (
          <details className="mt-4">
            <summary className="inline-flex min-h-11 items-center prose-link">
              {over.length} that {over.length === 1 ? 'is' : 'are'} over
            </summary>
            <SubKeyTable slug={team.slug} keys={over} holders={false} asOf={asOf} />
          </details>
        ) : null}
      </Section>
      {others ? (
        <Section title="The team’s" id="team">
          {others.length === 0 ? (
            <EmptyState title="Nobody else has made a key.">
              <p>
                Keys of members appear here with their usage. You can end one or change its cap;
                only its holder can see it.
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
