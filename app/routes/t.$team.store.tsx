import { randomUUID } from 'node:crypto'
import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Link, useActionData, useLoaderData, useNavigation } from '@remix-run/react'
import { z } from 'zod'
import { BudgetMeters, MonthEnd } from '~/components/team/budget-meters'
import { EmptyState, Section } from '~/components/base/page-shell'
import { FormDone, FormProblem } from '~/components/team/form-answer'
import { monthName } from '~/components/team/month-name'
import { NewKeyForm, type TypedFields } from '~/components/team/new-key-form'
import { asksOnly, isEmptyBudget, SetBudgetFirst } from '~/components/team/own-month'
import { LastRequest, RequestForm } from '~/components/team/own-request'
import {
  oddModel,
  provisionProblem,
  serviceStoreProblems,
  storeProblems,
  type StoreProblem,
} from '~/components/team/store-messages'
import { TeamShell } from '~/components/team/team-shell'
import { memberUrl, subKeyUrl, teamUrl } from '~/urls'
import {
  markDecisionsSeen,
  requestMore,
  withdrawRequest,
} from '~/domain/money/budget-requests.server'
import { keyLives, lifeEnd } from '~/domain/team/key-life'
import { mayHandleMoney } from '~/domain/money/roles'
import { readApprovedAtOnce } from '~/domain/team/automatic-approval.server'
import { chosenModels, parseModels } from '~/domain/team/model-limits.server'
import { findServiceAccount } from '~/domain/team/service-accounts.server'
import { provisionSubKey } from '~/domain/team/sub-key.server'
import type { Membership } from '~/domain/team/team.server'
import { readTeamDefaults } from '~/domain/team/team-defaults.server'
import {
  findLastRequest,
  listMasterKeyChoices,
  readBudgetView,
} from '~/domain/team/team-view.server'
import { handler, notFound, type HandlerArgs } from '~/web/handler.server'
import {
  firstProblem,
  formId,
  many,
  optionalText,
  parseFields,
  readFields,
  requiredLine,
  requiredText,
  usdAmount,
  uuid,
} from '~/web/parse-form.server'
import { frameOf, isActiveOwner, requireKeyHolder } from '~/web/team.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireKeyHolder(args)
  const { ctx } = args
  const query = new URL(args.request.url).searchParams
  const holder = await serviceIn(args, team, query)
  const own = { teamId: team.teamId, userId: viewer.userId }
  const ref = holder ? { ...own, userId: holder.userId } : own
  const [budget, masterKeys, request, defaults, atOnce] = await Promise.all([
    readBudgetView(ctx, ref),
    listMasterKeyChoices(ctx, team.teamId),
    holder ? null : findLastRequest(ctx, own),
    readTeamDefaults(ctx, team.teamId),
    holder ? null : readApprovedAtOnce(ctx, own),
  ])
  const first = masterKeys.find(({ service }) => service === defaults.service) ?? masterKeys[0]
  // The page shows the newest one. Its own answer still has the mark, which says why it is here.
  if (!holder && team.waits.decisions > 0 && request?.state !== 'open' && isRead(args.request))
    await markDecisionsSeen(ctx, own)
  return {
    team: frameOf(team),
    holder,
    userId: (holder ?? viewer).userId,
    budget,
    masterKeys,
    selected: masterKeys.find((key) => key.id === query.get('with')) ?? first ?? null,
    request,
    atOnce,
    formIds: { key: randomUUID(), request: randomUUID() },
    justRequested: query.get('asked') === 'yes',
    asOf: ctx.now().toISOString(),
  }
})

/** The service account that the key is for, where the address or the form names one: owners alone. */
async function serviceIn(args: HandlerArgs, team: Membership, fields: URLSearchParams) {
  const userId = fields.get('for')
  if (userId === null) return null
  const holder = await findServiceAccount(args.ctx, { teamId: team.teamId, userId })
  if (!holder || !isActiveOwner(team)) throw notFound()
  return holder
}

/** A browser that only fetches ahead has shown nothing to anybody. */
const isRead = ({ method, headers }: Request) =>
  method === 'GET' && !/prefetch/.test(headers.get('sec-purpose') ?? '')

const requestForm = z.object({
  more: usdAmount('bad-more'),
  why: requiredText(500, 'no-reason', 'no-reason'),
  formId,
})
const withdrawalForm = z.object({ id: uuid })
const keyForm = z.object({
  purpose: requiredLine(120, 'no-purpose'),
  project: optionalText(40, 'bad-project'),
  cap: usdAmount('bad-cap'),
  life: z.enum(keyLives, 'bad-expiry'),
  /** A text, or a box for each. */
  models: many(z.string().max(20_000, 'bad-models')),
  reset: z.enum(['once', 'monthly']).catch('once'),
  masterKey: z.uuid('no-master-key'),
  formId,
})

/** What was chosen of the options that the selected service declares. */
const optionsIn = (fields: URLSearchParams) =>
  Object.fromEntries(
    [...fields].flatMap(([name, value]) =>
      name.startsWith('option-') ? [[name.slice('option-'.length), value]] : [],
    ),
  )

export const action = handler(async (args) => {
  const { viewer, team } = await requireKeyHolder(args)
  await requireWithinLimit(args, 'provision', viewer)
  const { ctx } = args
  const ref = { teamId: team.teamId, userId: viewer.userId }
  const fields = await readFields(args.request)
  const typed: TypedFields = {
    ...Object.fromEntries(fields),
    // A box for each, or one text.
    ...(fields.has('models') ? { models: fields.getAll('models').join(' ') } : {}),
  }
  const refuse = (problem: StoreProblem, detail: string | null = null) =>
    data({ problem, detail, typed }, { status: 422 })
  if (fields.get('intent') === 'ask') {
    const form = parseFields(requestForm, fields)
    if (!form.ok) return refuse(firstProblem(form, storeProblems))
    const { more, why, formId } = form.value
    const outcome = await requestMore(ctx, ref, {
      more,
      reason: why,
      ...(formId ? { formId } : {}),
    })
    return outcome.kind !== 'refused'
      ? redirect(`${teamUrl(team.slug, 'store')}?asked=yes`, 303)
      : refuse(outcome.reason)
  }
  if (fields.get('intent') === 'withdraw') {
    const form = parseFields(withdrawalForm, fields)
    const done = form.ok && (await withdrawRequest(ctx, ref, form.value.id))
    return done ? redirect(teamUrl(team.slug, 'store'), 303) : refuse('not-open')
  }
  const holder = await serviceIn(args, team, fields)
  const form = parseFields(keyForm, fields)
  if (!form.ok) return refuse(firstProblem(form, storeProblems))
  const { masterKey, reset, life, formId, models: written, ...key } = form.value
  const parsed = parseModels(written.join(' '))
  if (parsed.kind === 'many') return refuse('many-models')
  if (parsed.kind === 'odd') return refuse('bad-models', oddModel(parsed.model))
  const outcome = await provisionSubKey(ctx, {
    ...ref,
    ...(holder ? { userId: holder.userId, actorUserId: viewer.userId } : {}),
    ...key,
    ...(formId ? { formId } : {}),
    masterKeyId: masterKey,
    models: await chosenModels(ctx, { teamId: team.teamId, masterKeyId: masterKey }, parsed.models),
    options: optionsIn(fields),
    reset: reset === 'monthly' ? 'monthly' : null,
    expiresAt: lifeEnd(life, ctx.now()),
  })
  if (outcome.kind === 'queued') return redirect(subKeyUrl(team.slug, outcome.keyId), 303)
  const { problem, detail } = provisionProblem(outcome, holder !== null)
  return refuse(problem, detail)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Make a key · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Store() {
  const {
    team,
    holder,
    userId,
    budget,
    masterKeys,
    selected,
    request,
    atOnce,
    formIds,
    justRequested,
    asOf,
  } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const busy = useNavigation().state !== 'idle'
  const problem = answer ? (holder ? serviceStoreProblems : storeProblems)[answer.problem] : null
  const errorAt = (field: string) =>
    problem?.field === field
      ? { error: `${problem.message}${answer?.detail ? ` ${answer.detail}` : ''}` }
      : {}
  const typed = answer?.typed ?? {}
  const mayMake = (holder ?? team).state === 'active' && !team.closedAt
  const onlyAsks = !holder && asksOnly(team, budget)
  const whose = holder ? `${holder.name}’s` : 'your'
  const decides = mayHandleMoney(team.role)
  const setsBudget = decides && mayMake && isEmptyBudget(budget)
  return (
    <TeamShell
      team={team}
      title={
        onlyAsks ? 'Request a budget' : holder ? `Make a key for ${holder.name}` : 'Make a key'
      }
      {...(holder ? { back: { to: memberUrl(team.slug, holder.userId), label: holder.name } } : {})}
      lead={
        onlyAsks
          ? 'A key is paid from your budget, and you have none yet. The owners of the team decide.'
          : mayMake &&
            !setsBudget &&
            `${budget.free.text} of ${whose} ${budget.allocated.text} for ${monthName(budget.month)} is free. ` +
              (budget.teamLeft
                ? `The team’s ceiling leaves ${budget.teamLeft.text} for all members this month.`
                : 'The cap of a new key can be up to that amount.')
      }
    >
      {problem && problem.field === null ? (
        <FormProblem title={problem.message}>
          <p>{problem.next}</p>
        </FormProblem>
      ) : null}
      {justRequested && request?.state === 'open' ? (
        <FormDone title={`You requested ${request.more.text} more a month`}>
          <p>The owners see it on their members page. This page shows their decision.</p>
        </FormDone>
      ) : null}
      {justRequested && request?.automatic ? (
        <FormDone title={`You have ${request.more.text} more this month`}>
          <p>
            Your request was approved automatically, for {monthName(budget.month)} alone. For more
            every month, ask an owner of the team.
          </p>
        </FormDone>
      ) : null}
      {onlyAsks ? null : (
        <Section title={holder ? 'Its budget' : 'Your budget'} id="budget">
          {setsBudget ? (
            <SetBudgetFirst slug={team.slug} userId={userId} name={holder?.name ?? null} />
          ) : (
            <>
              <BudgetMeters budget={budget} whose={`${whose} budget`} />
              <MonthEnd budget={budget} asOf={asOf} />
            </>
          )}
        </Section>
      )}
      {mayMake && !onlyAsks && (!setsBudget || selected === null) ? (
        <Section title="The key" id="key">
          {selected === null ? (
            <EmptyState title="There is no credential yet">
              <p>
                {team.role === 'owner' ? (
                  <>
                    Add one to the{' '}
                    <Link className="prose-link" to={teamUrl(team.slug, 'vault')}>
                      vault
                    </Link>{' '}
                    first.
                  </>
                ) : (
                  'An owner of the team must add one to the vault first.'
                )}
              </p>
            </EmptyState>
          ) : (
            <NewKeyForm
              masterKeys={masterKeys}
              selected={selected}
              budget={budget}
              typed={typed}
              formId={formIds.key}
              errorAt={errorAt}
              busy={busy}
              holder={holder}
            />
          )}
        </Section>
      ) : null}
      {!holder && ((mayMake && !setsBudget) || request) ? (
        <Section title={onlyAsks ? 'Your request' : 'Request more budget'} id="more">
          {request ? <LastRequest request={request} asOf={asOf} /> : null}
          {request?.state === 'open' || !mayMake ? null : decides ? (
            <p className="text-soft">
              You may change budgets:{' '}
              <Link className="prose-link" to={`${memberUrl(team.slug, userId)}#change`}>
                change your own
              </Link>
              . A request is for another owner or finance to decide.
            </p>
          ) : null}
          {request?.state === 'open' || !mayMake || setsBudget ? null : (
            <RequestForm
              typed={typed}
              formId={formIds.request}
              atOnce={atOnce}
              month={budget.month}
              errorAt={errorAt}
            />
          )}
        </Section>
      ) : null}
    </TeamShell>
  )
}
