import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { EmptyState, Section } from '~/components/base/page-shell'
import { KeyFilterForm } from '~/components/team/key-filter-form'
import { OverPages } from '~/components/team/over-pages'
import { SubKeyTable } from '~/components/team/sub-key-table'
import { TeamShell } from '~/components/team/team-shell'
import { teamUrl } from '~/urls'
import { mayHoldKeys } from '~/domain/money/roles'
import { listKeyHolders, listKeyPage } from '~/domain/team/sub-key-view.server'
import { listServiceChoices } from '~/domain/team/team-view.server'
import { handler } from '~/web/handler.server'
import { keyFilterOf, overPageOf } from '~/web/key-filter'
import { frameOf, isActiveOwner, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const isOwner = isActiveOwner(team)
  const filter = keyFilterOf(args.request)
  const page = overPageOf(args.request)
  const { current, over, more } = await listKeyPage(
    ctx,
    { teamId: team.teamId, ...filter, ...(isOwner ? {} : { userId: viewer.userId }) },
    page,
  )
  const keys = [...current, ...over]
  const own = keys.filter((key) => key.holder.userId === viewer.userId)
  return {
    team: frameOf(team),
    own,
    page,
    more,
    filter,
    filtered: Object.values(filter).some((value) => value !== null),
    people: isOwner ? await listKeyHolders(ctx, team.teamId) : null,
    providers: listServiceChoices(ctx).map(({ service, title }) => ({
      value: service,
      label: title,
    })),
    others: isOwner
      ? keys.filter(({ holder }) => holder.userId !== viewer.userId && !holder.service)
      : null,
    services: isOwner ? keys.filter(({ holder }) => holder.service) : [],
    asOf: ctx.now().toISOString(),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Keys · ${data?.team.name ?? 'Team'} · Keymint` },
]

const keysFound = (count: number, more: boolean) =>
  more
    ? `More than ${count} keys match`
    : count === 0
      ? 'No key matches'
      : count === 1
        ? 'One key matches'
        : `${count} keys match`

export default function MyKeys() {
  const { team, own, others, services, filter, filtered, people, providers, page, more, asOf } =
    useLoaderData<typeof loader>()
  const mayMake = team.state === 'active' && !team.closedAt && mayHoldKeys(team.role)
  const live = own.filter((key) => key.phase !== 'ended' && key.phase !== 'refused')
  const over = own.filter((key) => key.phase === 'ended' || key.phase === 'refused')
  return (
    <TeamShell
      team={team}
      title={
        page > 1
          ? `Ended keys, page ${page}`
          : filtered
            ? keysFound(own.length + services.length + (others?.length ?? 0), more)
            : live.length === 0
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
      <KeyFilterForm
        slug={team.slug}
        filter={filter}
        filtered={filtered}
        people={people}
        services={providers}
      />
      <Section title="Your keys" id="own">
        {page > 1 ? null : live.length === 0 ? (
          <EmptyState
            title={filtered ? 'No live key matches' : mayMake ? 'No key yet' : 'No live key'}
          >
            {mayMake && !filtered ? (
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
          <details className="mt-4" open={filtered || page > 1}>
            <summary className="inline-flex min-h-11 items-center prose-link">
              {more || page > 1 ? 'Ended or not made' : `${over.length} ended or not made`}
            </summary>
            <SubKeyTable slug={team.slug} keys={over} holders={false} asOf={asOf} />
          </details>
        ) : null}
      </Section>
      {services.length > 0 ? (
        <Section title="Keys of service accounts" id="services">
          <SubKeyTable slug={team.slug} keys={services} holders asOf={asOf} />
        </Section>
      ) : null}
      {others ? (
        <Section title="Keys of other members" id="team">
          {others.length === 0 ? (
            <EmptyState title={filtered ? 'No key matches' : 'No other member has a key'}>
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
      <OverPages slug={team.slug} filter={filter} page={page} more={more} />
    </TeamShell>
  )
}
