import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { KeyCard } from '~/components/claim/key-card'
import { EmptyState } from '~/components/base/page-shell'
import { socialMeta } from '~/components/base/social-meta'
import { EventZoneProvider, Time } from '~/components/base/time'
import { budgetLabel, seatsLabel, StatusDot } from '~/components/claim/workshop-facts'
import { YourTeams } from '~/components/team/your-teams'
import type { StepView } from '~/domain/claim/view-types'
import type { WorkshopView } from '~/domain/workshop/view-types'
import { listWorkshopViews } from '~/domain/workshop/view.server'
import { listTeamsOf } from '~/domain/team/team.server'
import { workshopUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { getViewerOrOutage } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => ({
  workshops: await listWorkshopViews(ctx),
  teams: await ownTeams({ request, ctx, auth }),
  origin: ctx.deployment.appOrigin,
}))

/** Of whoever is signed in; none for others, and none while the database is away. */
async function ownTeams(args: Parameters<typeof getViewerOrOutage>[0]) {
  const viewer = await getViewerOrOutage(args)
  return viewer && viewer !== 'database-unavailable' ? listTeamsOf(args.ctx, viewer.userId) : []
}

const title = 'Keymint: an AI key for everyone at your workshop'

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title },
  ...socialMeta({
    title,
    description:
      'Personal LLM API keys for workshops, each with a budget, a list of models and an expiry.',
    origin: data?.origin ?? '',
    path: '/',
  }),
]

const allDone: StepView[] = (['queued', 'checking', 'creating', 'limits', 'ready'] as const).map(
  (name) => ({ name, state: 'done' }),
)

export default function Landing() {
  const { workshops, teams } = useLoaderData<typeof loader>()
  const current = workshops.filter((workshop) => workshop.window !== 'closed')
  const open = current.filter((workshop) => workshop.window === 'open')
  const coming = current.filter((workshop) => workshop.window === 'upcoming')
  const only = open.length === 1 ? open[0] : undefined
  const past = workshops.filter((workshop) => workshop.window === 'closed')
  return (
    <main id="main" tabIndex={-1} className="mx-auto w-full max-w-wide px-5 pb-24 outline-none">
      <div className="grid items-center gap-x-16 gap-y-10 py-10 lg:grid-cols-[1fr_30rem] lg:py-16">
        <div>
          <h1 className="text-hero">An AI key for everyone at your workshop</h1>
          <p className="mt-6 max-w-[34rem] text-lead text-soft">
            Your own key for language models, with a budget in dollars, a list of models and an
            expiry. No credit card.
          </p>
          {only ? null : (
            <p className="mt-6 flex flex-wrap gap-3">
              <a className="button" data-kind="ink" data-size="large" href="#workshops">
                {current.length > 0 ? 'Find your workshop' : 'See the workshops'}
              </a>
              <a className="button" data-size="large" href="#host">
                I’m hosting one
              </a>
            </p>
          )}
        </div>
        {only ? (
          <WorkshopCard workshop={only} large />
        ) : (
          <div aria-hidden="true" className="hidden lg:block">
            <KeyCard
              state="ready"
              title="Your workshop"
              holder="Your name"
              reference="00000001"
              label="OpenRouter key"
              keyText="sk-or-v1-••••••••••••••••••••"
              cap="$2.00"
              capNote="in total"
              ends="the next morning"
              hasEnded={false}
              steps={allDone}
            />
          </div>
        )}
      </div>

      {teams.length > 0 ? (
        <section aria-labelledby="teams" className="mb-12 max-w-read">
          <h2 id="teams" className="mb-4 text-head">
            Your teams
          </h2>
          <YourTeams teams={teams} />
        </section>
      ) : null}
      {only && current.length === 1 ? null : (
        <section aria-labelledby="workshops">
          <h2 id="workshops" className="mb-4 scroll-mt-6 text-head">
            {current.length > 0 ? 'Open and upcoming' : 'Workshops'}
          </h2>
          {current.length > 0 ? (
            <>
              {open.length > 0 ? (
                <ul className="grid gap-4 sm:grid-cols-2">
                  {open.map((workshop) => (
                    <li key={workshop.slug} className="grid">
                      <WorkshopCard workshop={workshop} />
                    </li>
                  ))}
                </ul>
              ) : null}
              {coming.length > 0 ? (
                <div className="mt-6">
                  <WorkshopList workshops={coming} />
                </div>
              ) : null}
            </>
          ) : (
            <EmptyState title="No open or upcoming workshops">
              <p>
                When an organiser adds one, it appears here. Missing yours? Check the address that
                the organiser gave you.
              </p>
            </EmptyState>
          )}
        </section>
      )}

      <section aria-labelledby="how" className="mt-16 border-t border-rule pt-8">
        <h2 id="how" className="sr-only">
          How it works
        </h2>
        <ol className="grid gap-8 sm:grid-cols-3">
          <How number="1" title="Sign in">
            Use GitHub or Google. No password, no credit card.
          </How>
          <How number="2" title="Claim">
            One click, and your key is ready, usually within seconds.
          </How>
          <How number="3" title="Build">
            Copy it into your tool. It cannot spend more than its budget.
          </How>
        </ol>
      </section>

      {past.length > 0 ? (
        <section aria-labelledby="past" className="mt-12">
          <h2 id="past" className="mb-4 text-head">
            Closed
          </h2>
          <WorkshopList workshops={past} />
        </section>
      ) : null}

      <section
        aria-labelledby="host"
        className="mt-16 grid gap-x-16 gap-y-4 border-t border-rule pt-8 sm:grid-cols-[1fr_auto] sm:items-center"
      >
        <div>
          <h2 id="host" className="scroll-mt-6 text-head">
            You host a workshop?
          </h2>
          <p className="mt-2 max-w-[40rem] text-soft">
            A workshop is one file: models, budget, seats and times. Send it to the operator of this
            site; keys then make themselves, and nobody can spend more than you allow. For a team
            that shares budgets all year, make a team.
          </p>
        </div>
        <p>
          <a className="button" href="/t/new">
            Make a team
          </a>
        </p>
      </section>
    </main>
  )
}

function How({ number, title, children }: { number: string; title: string; children: string }) {
  return (
    <li>
      <p className="font-head text-head font-bold">
        <span className="mr-2 text-soft">{number}</span>
        {title}
      </p>
      <p className="mt-1 text-soft">{children}</p>
    </li>
  )
}

/** An open workshop with its button: one link, and all of the card leads there. */
function WorkshopCard({ workshop, large = false }: { workshop: WorkshopView; large?: boolean }) {
  const seats = seatsLabel(workshop)
  const claimable = !workshop.paused && workshop.seats.left > 0
  return (
    <article className="relative flex flex-col gap-4 rounded-card border border-edge bg-raised p-6">
      <div className="min-w-0">
        <StatusDot workshop={workshop} />
        <h3 className={`mt-2 ${large ? 'text-head' : 'text-lead'} font-semibold`}>
          {workshop.title}
        </h3>
        <p className="mt-1 text-soft">
          {workshop.venue}
          {workshop.venue && workshop.closesAt ? '. ' : ''}
          {workshop.closesAt ? (
            <EventZoneProvider value={workshop.timezone}>
              Until <Time iso={workshop.closesAt} now={workshop.asOf} />
            </EventZoneProvider>
          ) : null}
        </p>
      </div>
      <p className="text-small text-soft">
        {budgetLabel(workshop)}
        {seats ? `, ${seats.toLowerCase()}` : ''}
      </p>
      <a
        href={workshopUrl(workshop.slug)}
        className="button mt-auto self-start after:absolute after:inset-0"
        data-kind={claimable ? 'key' : undefined}
        data-size={large ? 'large' : undefined}
        aria-label={`${claimable ? 'Claim a key' : 'See it'}: ${workshop.title}`}
      >
        {claimable ? 'Claim a key' : 'See it'}
      </a>
    </article>
  )
}

function WorkshopList({ workshops }: { workshops: WorkshopView[] }) {
  return (
    <ul className="divide-y divide-rule border-y border-rule">
      {workshops.map((workshop) => (
        <li
          key={workshop.slug}
          className="relative grid gap-x-8 gap-y-1 py-5 sm:grid-cols-[1fr_auto]"
        >
          <div className="min-w-0">
            <h3 className="text-lead font-semibold">
              <Link
                to={workshopUrl(workshop.slug)}
                className="after:absolute after:inset-0 hover:underline"
              >
                {workshop.title}
              </Link>
            </h3>
            <p className="text-soft">
              <When workshop={workshop} />
              {workshop.venue ? `, ${workshop.venue}` : ''}
            </p>
          </div>
          <div className="flex flex-wrap items-baseline gap-x-6 sm:flex-col sm:items-end">
            <StatusDot workshop={workshop} />
            <p className="text-small text-soft">
              {workshop.window === 'closed' ? null : (
                <>
                  {budgetLabel(workshop)}
                  {seatsLabel(workshop) ? `, ${seatsLabel(workshop)?.toLowerCase()}` : ''}
                </>
              )}
            </p>
          </div>
        </li>
      ))}
    </ul>
  )
}

function When({ workshop }: { workshop: WorkshopView }) {
  const { window, opensAt, closesAt, endedAt, asOf } = workshop
  if (endedAt)
    return (
      <>
        Ended <Time iso={endedAt} now={asOf} />
      </>
    )
  if (window === 'upcoming' && opensAt)
    return (
      <>
        Opens <Time iso={opensAt} now={asOf} />
      </>
    )
  if (window === 'closed' && closesAt)
    return (
      <>
        Closed <Time iso={closesAt} now={asOf} />
      </>
    )
  return null
}
