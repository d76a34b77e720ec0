import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { KeyCard } from '~/components/claim/key-card'
import { EmptyState } from '~/components/base/page-shell'
import { Time } from '~/components/base/time'
import { budgetLabel, seatsLabel, StatusDot } from '~/components/claim/workshop-facts'
import type { StepView } from '~/domain/claim/view-types'
import type { WorkshopView } from '~/domain/workshop/view-types'
import { listWorkshopViews } from '~/domain/workshop/view.server'
import { workshopUrl } from '~/urls'
import { handler } from '~/web/handler.server'

export const loader = handler(async ({ ctx }) => ({ workshops: await listWorkshopViews(ctx) }))

export const meta: MetaFunction = () => [
  { title: 'Keymint: an AI key for everyone at your workshop' },
  {
    name: 'description',
    content:
      'Personal LLM API keys for workshops, each with a budget, a list of models and an expiry.',
  },
]

const allDone: StepView[] = (['queued', 'checking', 'creating', 'limits', 'ready'] as const).map(
  (name) => ({ name, state: 'done' }),
)

export default function Landing() {
  const { workshops } = useLoaderData<typeof loader>()
  const current = workshops.filter((workshop) => workshop.window !== 'closed')
  const past = workshops.filter((workshop) => workshop.window === 'closed')
  return (
    <main id="main" tabIndex={-1} className="mx-auto w-full max-w-wide px-5 pb-24 outline-none">
      <div className="grid items-center gap-x-16 gap-y-10 py-10 lg:grid-cols-[1fr_30rem] lg:py-20">
        <div>
          <h1 className="text-hero">An AI key for everyone at your workshop</h1>
          <p className="mt-6 max-w-[34rem] text-lead text-soft">
            Keymint gives each participant a personal key for language models, with a budget in
            dollars, a list of models and an expiry.
          </p>
        </div>
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
            steps={allDone}
          />
        </div>
      </div>

      <section aria-labelledby="workshops">
        <h2 id="workshops" className="mb-4 text-head">
          {current.length > 0 ? 'Open and upcoming' : 'Workshops'}
        </h2>
        {current.length > 0 ? (
          <WorkshopList workshops={current} />
        ) : (
          <EmptyState title="No open or upcoming workshops">
            <p>
              When an organiser adds one, it appears here. Missing yours? Check the address that the
              organiser gave you.
            </p>
          </EmptyState>
        )}
      </section>

      {past.length > 0 ? (
        <section aria-labelledby="past" className="mt-12">
          <h2 id="past" className="mb-4 text-head">
            Closed
          </h2>
          <WorkshopList workshops={past} />
        </section>
      ) : null}

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
            Copy it into your tool. Nobody pays more than its budget.
          </How>
        </ol>
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
  const { window, opensAt, closesAt, asOf } = workshop
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
  return closesAt ? (
    <>
      Open until <Time iso={closesAt} now={asOf} />
    </>
  ) : (
    <>Open</>
  )
}
