import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, Link, useActionData, useLoaderData, useNavigation } from '@remix-run/react'
import { BudgetFigures, MonthEnd } from '~/components/team/budget-figures'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Field, Select } from '~/components/base/field'
import { EmptyState, Section } from '~/components/base/page-shell'
import { serviceTitle } from '~/components/team/sub-key-words'
import { TeamShell } from '~/components/team/team-shell'
import { subKeyUrl, teamUrl } from '~/urls'
import { Time } from '~/components/base/time'
import { requestMore } from '~/domain/money/budgets.server'
import { provisionSubKey } from '~/domain/team/sub-key.server'
import {
  findLastRequest,
  listMasterKeyChoices,
  readBudgetView,
} from '~/domain/team/team-view.server'
import { handler } from '~/web/handler.server'
import { provisionProblem, storeProblems, type StoreProblem } from '~/web/store-problems'
import { frameOf, parseLife, parseText, parseUsd, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const ref = { teamId: team.teamId, userId: viewer.userId }
  const query = new URL(args.request.url).searchParams
  const [budget, masterKeys, asked] = await Promise.all([
    readBudgetView(ctx, ref),
    listMasterKeyChoices(ctx, team.teamId),
    findLastRequest(ctx, ref),
  ])
  const chosen = masterKeys.find((key) => key.id === query.get('with')) ?? masterKeys[0] ?? null
  return {
    team: frameOf(team),
    budget,
    masterKeys,
    chosen,
    asked,
    justAsked: query.get('asked') === 'yes',
    asOf: ctx.now().toISOString(),
  }
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const { ctx } = args
  const form = await args.request.formData()
  const text = (name: string) => {
    const value = form.get(name)
    return typeof value === 'string' ? value : ''
  }
  const given = {
    purpose: text('purpose'),
    cap: text('cap'),
    reset: text('reset'),
    life: text('life'),
    models: text('models'),
    more: text('more'),
    why: text('why'),
  }
  const refuse = (problem: StoreProblem, detail: string | null = null) =>
    data({ problem, detail, given }, { status: 422 })
  if (form.get('intent') === 'ask') {
    const [more, reason] = [parseUsd(given.more), parseText(given.why, 500)]
    if (more === null) return refuse('bad-more')
    if (reason === null) return refuse('no-reason')
    const outcome = await requestMore(
      ctx,
      { teamId: team.teamId, userId: viewer.userId },
      { more, reason },
    )
    return outcome.kind === 'asked'
      ? redirect(`${teamUrl(team.slug, 'store')}?asked=yes`, 303)
      : refuse(outcome.reason)
  }
  const [purpose, cap, expiresAt] = [
    parseText(given.purpose, 120),
    parseUsd(given.cap),
    parseLife(given.life, ctx.now()),
  ]
  if (purpose === null) return refuse('no-purpose')
  if (cap === null) return refuse('bad-cap')
  if (expiresAt === null) return refuse('bad-expiry')
  const models = given.models.split(/[\s,]+/).filter(Boolean)
  if (models.length > 50 || models.some((model) => model.length > 200)) return refuse('bad-models')
  const outcome = await provisionSubKey(ctx, {
    teamId: team.teamId,
    userId: viewer.userId,
    masterKeyId: text('masterKey'),
    purpose,
    cap,
    reset: given.reset === 'monthly' ? 'monthly' : null,
    expiresAt,
    models,
  })
  if (outcome.kind === 'queued') return redirect(subKeyUrl(team.slug, outcome.keyId), 303)
  const { problem, detail } = provisionProblem(outcome)
  return refuse(problem, detail)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Make a key · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Store() {
  const { team, budget, masterKeys, chosen, asked, justAsked, asOf } =
    useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const busy = useNavigation().state !== 'idle'
  const problem = answer ? storeProblems[answer.problem] : null
  const errorAt = (field: string) =>
    problem?.field === field
      ? { error: `${problem.words}${answer?.detail ? ` ${answer.detail}` : ''}` }
      : {}
  const given = answer?.given
  return (
    <TeamShell
      team={team}
      title="Make a key."
      lead={`${budget.free.text} is free of your ${budget.allocated.text} for ${budget.monthWords}. A cap of up to that can be set aside now.`}
    >
      {problem && problem.field === null ? (
        <div role="alert" className="mt-6 max-w-read">
          <Callout tone="warning" title={problem.words}>
            {answer?.detail ? <p>{answer.detail}</p> : null}
          </Callout>
        </div>
      ) : null}
      {justAsked && asked?.state === 'open' ? (
        <div role="status" className="mt-6 max-w-read">
          <Callout tone="ok" title={`You asked for ${asked.more.text} more a month.`}>
            <p>The owners see it on their members page. This page shows what they decide.</p>
          </Callout>
        </div>
      ) : null}
      <Section title="Your budget" id="budget">
        <BudgetFigures budget={budget} whose="your budget" />
        <MonthEnd budget={budget} asOf={asOf} />
      </Section>
      <Section title="The key" id="key">
        {chosen === null ? (
          <EmptyState title="There is no master key to make keys with.">
            <p>
              {team.role === 'owner' ? (
                <>
                  Put one into the{' '}
                  <Link className="prose-link" to={teamUrl(team.slug, 'vault')}>
                    vault
                  </Link>{' '}
                  first.
                </>
              ) : (
                'An owner of the team must put one into the vault first.'
              )}
            </p>
          </EmptyState>
        ) : team.state !== 'active' ? null : (
          <Form method="post" className="max-w-[28rem] space-y-6">
            {masterKeys.length > 1 ? (
              <div>
                <p className="font-semibold">Provider</p>
                <ul className="mt-1 space-y-1">
                  {masterKeys.map((key) => (
                    <li key={key.id}>
                      {key.id === chosen.id ? (
                        <strong>
                          {serviceTitle(key.service)}{' '}
                          <span className="font-mono text-small">{key.label}</span> (chosen)
                        </strong>
                      ) : (
                        <Link
                          className="inline-flex min-h-11 items-center prose-link"
                          to={`?with=${key.id}`}
                        >
                          {serviceTitle(key.service)}{' '}
                          <span className="ml-2 font-mono text-small">{key.label}</span>
                        </Link>
                      )}
                    </li>
                  ))}
                </ul>
              </div>
            ) : (
              <p>
                <span className="font-semibold">Provider:</span> {serviceTitle(chosen.service)}{' '}
                <span className="font-mono text-small">{chosen.label}</span>
              </p>
            )}
            <input type="hidden" name="masterKey" value={chosen.id} />
            <Field
              label="Purpose"
              name="purpose"
              required
              hint="What it is for, so that you and the owners can tell your keys apart."
              defaultValue={given?.purpose ?? ''}
              {...errorAt('purpose')}
            />
            <Field
              label="Cap in USD"
              name="cap"
              required
              hint={`At most ${budget.free.text} now: that is what your budget leaves. The provider stops the key at its cap.`}
              defaultValue={given?.cap ?? ''}
              {...errorAt('cap')}
            />
            <Select
              label="The cap counts"
              name="reset"
              defaultValue={given?.reset ?? 'once'}
              options={[
                { value: 'once', label: 'once, over the whole life of the key' },
                ...(chosen.resets.includes('monthly')
                  ? [
                      {
                        value: 'monthly',
                        label: 'every calendar month (UTC), set aside anew each time',
                      },
                    ]
                  : []),
              ]}
            />
            <Select
              label="The key ends"
              name="life"
              defaultValue={given?.life ?? '30d'}
              options={[
                { value: '1d', label: 'after a day' },
                { value: '7d', label: 'after a week' },
                { value: '30d', label: 'after 30 days' },
                { value: 'month-end', label: 'with this month (UTC)' },
                { value: '90d', label: 'after 90 days' },
                { value: '365d', label: 'after a year' },
              ]}
              {...errorAt('life')}
            />
            {chosen.modelList ? (
              <Field
                label="Models (optional)"
                name="models"
                hint="Names as the provider writes them, separated by spaces or commas. Empty means any."
                defaultValue={given?.models ?? ''}
                {...errorAt('models')}
              />
            ) : null}
            <p className="text-small text-soft">
              Pressing sets the cap aside at once. What a one-off key has not spent comes back when
              it is deleted or ends; your budget, not the provider’s account, is the first limit you
              meet.
            </p>
            <Button
              type="submit"
              name="intent"
              value="provision"
              kind="key"
              busy={busy}
              busyText="Setting aside…"
            >
              Make the key
            </Button>
          </Form>
        )}
      </Section>
      <Section title="Ask for more" id="more">
        {asked ? (
          <p className="mb-4 max-w-read text-soft">
            {asked.state === 'open'
              ? 'You wait for an answer to'
              : asked.state === 'approved'
                ? 'An owner approved'
                : asked.state === 'refused'
                  ? 'An owner refused'
                  : 'Withdrawn:'}{' '}
            {asked.more.text} more a month, asked for <Time iso={asked.askedAt} now={asOf} />: “
            {asked.reason}”{asked.decisionReason ? ` They said: “${asked.decisionReason}”` : ''}
          </p>
        ) : null}
        {asked?.state === 'open' || team.state !== 'active' ? null : (
          <Form method="post" className="max-w-[28rem] space-y-6">
            <Field
              label="More a month, in USD"
              name="more"
              required
              defaultValue={given?.more ?? ''}
              {...errorAt('more')}
            />
            <Field
              label="Why"
              name="why"
              required
              hint="The owners read this."
              defaultValue={given?.why ?? ''}
              {...errorAt('why')}
            />
            <Button type="submit" name="intent" value="ask">
              Ask the owners
            </Button>
          </Form>
        )}
      </Section>
    </TeamShell>
  )
}
