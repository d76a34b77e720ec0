import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { EmptyState, Section } from '~/components/base/page-shell'
import { ApprovalForm } from '~/components/team/automatic-approval'
import { FormDone, FormProblem } from '~/components/team/form-answer'
import { CeilingForm, CeilingSummary } from '~/components/team/team-ceiling'
import { limitProblems } from '~/components/team/limit-messages'
import type { TypedFields } from '~/components/team/new-key-form'
import { modelDetail, oddModel, storeProblems } from '~/components/team/store-messages'
import { TeamModels } from '~/components/team/team-models'
import { TeamShell } from '~/components/team/team-shell'
import { readApprovalView, setAutomaticApproval } from '~/domain/team/automatic-approval.server'
import { listTeamModels, parseModels, setTeamModels } from '~/domain/team/model-limits.server'
import { readCeilingView, setCeiling } from '~/domain/team/team-ceiling.server'
import { teamUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { firstProblem, optionalUsd, parseFields, readFields } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, intentOf, isActiveOwner, requireMoneyRole } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireMoneyRole(args)
  const [ceiling, approval, models] = await Promise.all([
    readCeilingView(args.ctx, team.teamId),
    readApprovalView(args.ctx, team.teamId),
    listTeamModels(args.ctx, team.teamId),
  ])
  return {
    team: frameOf(team),
    isOwner: isActiveOwner(team),
    ceiling,
    approval,
    models,
    done: new URL(args.request.url).searchParams.get('done') === 'yes',
  }
})

const ceilingForm = z.object({
  amount: optionalUsd('bad-ceiling', { orZero: true }),
  was: optionalUsd('stale-ceiling', { orZero: true }),
})

const approvalForm = z.object({
  perRequest: optionalUsd('bad-approval'),
  perMonth: optionalUsd('bad-approval'),
  wasRequest: optionalUsd('stale-approval'),
  wasMonth: optionalUsd('stale-approval'),
})
/** Both amounts, or neither: undefined for one alone. */
const ruleOf = (perRequest: bigint | null, perMonth: bigint | null) =>
  perRequest !== null && perMonth !== null
    ? { perRequest, perMonth }
    : perRequest === perMonth
      ? null
      : undefined

const modelsForm = z.object({
  service: z.string().max(40, 'no-service'),
  models: z.string().max(20_000, 'many-models'),
  rule: z.enum(['suggestion', 'limit']).catch('suggestion'),
  was: z
    .string()
    .regex(/^\d{1,9}$/, 'stale-models')
    .transform(Number),
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireMoneyRole(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const fields = await readFields(args.request)
  const setting = { teamId: team.teamId, slug: team.slug, actorUserId: viewer.userId }
  const done = redirect(`${teamUrl(team.slug, 'limits')}?done=yes`, 303)
  const refuse = (
    problem: keyof typeof limitProblems,
    status: number,
    detail: string | null = null,
  ) => data({ problem, typed: Object.fromEntries(fields), detail }, { status })
  const intent = intentOf(fields)
  if (intent === 'approval') {
    const form = parseFields(approvalForm, fields)
    if (!form.ok) return refuse(firstProblem(form, limitProblems), 422)
    const rule = ruleOf(form.value.perRequest, form.value.perMonth)
    const was = ruleOf(form.value.wasRequest, form.value.wasMonth)
    if (rule === undefined) return refuse('bad-approval', 422)
    const outcome =
      was === undefined ? 'stale' : await setAutomaticApproval(args.ctx, { ...setting, rule, was })
    return outcome === 'set' ? done : refuse('stale-approval', 409)
  }
  if (intent === 'models') {
    if (!isActiveOwner(team)) throw notFound()
    const form = parseFields(modelsForm, fields)
    if (!form.ok) return refuse(firstProblem(form, limitProblems), 422)
    const { service, rule, was } = form.value
    const parsed = parseModels(form.value.models)
    if (parsed.kind === 'many') return refuse('many-models', 422)
    if (parsed.kind === 'odd') return refuse('bad-models', 422, oddModel(parsed.model))
    const { models } = parsed
    const change = { ...setting, service, models, bound: rule === 'limit', was }
    const outcome = await setTeamModels(args.ctx, change)
    if (outcome.kind === 'set') return done
    if (!('model' in outcome))
      return refuse(outcome.reason, outcome.reason === 'stale-models' ? 409 : 422)
    // No list of the team's own stands in the way of its owner.
    if (outcome.reason === 'model-not-allowed') throw badRequest()
    const detail = `${storeProblems[outcome.reason].message} ${modelDetail(outcome)}`
    return refuse(outcome.reason, 422, detail)
  }
  if (intent !== 'team-ceiling') throw badRequest()
  // The ceiling binds finance too, so owners alone set it.
  if (!isActiveOwner(team)) throw notFound()
  const form = parseFields(ceilingForm, fields)
  if (!form.ok) return refuse(firstProblem(form, limitProblems), 422)
  const { amount: ceiling, was } = form.value
  const outcome = await setCeiling(args.ctx, { ...setting, ceiling, was })
  return outcome === 'set' ? done : refuse('stale-ceiling', 409)
})

type Refused = { problem: keyof typeof limitProblems; typed: TypedFields; detail: string | null }

/** What was typed for this service, with what is wrong; null where it was taken, or is shown anew. */
function refusedModels(answer: Refused | undefined, service: string) {
  if (answer?.typed.intent !== 'models' || answer.typed.service !== service) return null
  if (answer.problem === 'stale-models') return null
  const { models = '', rule = '' } = answer.typed
  const message = answer.detail ?? limitProblems[answer.problem].next
  return { service, models, rule, message }
}

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Limits · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Limits() {
  const { team, isOwner, ceiling, approval, models, done } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer ? limitProblems[answer.problem] : null
  const typedAt = (code: keyof typeof limitProblems, field: string) =>
    answer?.problem === code ? (answer.typed[field] ?? '') : null
  return (
    <TeamShell
      team={team}
      title="Limits of the team"
      lead="What the team can cost in a month, and which models its keys may use."
      back={{ to: teamUrl(team.slug, 'members'), label: 'Members' }}
    >
      {problem ? (
        <FormProblem title={problem.title}>
          <p>{problem.next}</p>
        </FormProblem>
      ) : done && !answer ? (
        <FormDone title="The limit is set" />
      ) : null}
      <Section title="Ceiling" id="ceiling">
        {ceiling ? (
          <CeilingSummary slug={team.slug} view={ceiling} linked={false} />
        ) : (
          <EmptyState title="The team has no ceiling">
            <p>The budgets of its members are the only limit.</p>
          </EmptyState>
        )}
        {team.closedAt ? null : isOwner ? (
          <div className="mt-6">
            <CeilingForm
              key={`${ceiling?.ceiling.usd}`}
              current={ceiling?.ceiling ?? null}
              refused={typedAt('bad-ceiling', 'amount')}
            />
          </div>
        ) : (
          <p className="mt-4 text-small text-soft">Owners set the ceiling.</p>
        )}
      </Section>
      <Section title="Automatic approval" id="approval">
        <p className="max-w-read text-soft">
          {approval
            ? `Budget requests up to ${approval.perRequest.text} are approved at once, up to ` +
              `${approval.perMonth.text} for a member in a month.`
            : 'Off: an owner or finance decides on each budget request.'}
        </p>
        {team.closedAt ? null : (
          <div className="mt-6">
            <ApprovalForm
              key={approval ? `${approval.perRequest.usd}-${approval.perMonth.usd}` : 'off'}
              current={approval}
              typed={answer?.problem === 'bad-approval' ? answer.typed : null}
            />
          </div>
        )}
      </Section>
      <Section title="Models" id="models">
        {models.length === 0 ? (
          <EmptyState title="No provider of the team has models">
            <p>
              Add a credential of OpenRouter or LiteLLM to the vault to choose models for its keys.
            </p>
          </EmptyState>
        ) : (
          <div className="space-y-8">
            {models.map((view) => (
              <TeamModels
                key={`${view.service}-${view.version}`}
                view={view}
                mayChange={isOwner && !team.closedAt}
                refused={refusedModels(answer, view.service)}
              />
            ))}
            {isOwner ? null : <p className="text-small text-soft">Owners set the models.</p>}
          </div>
        )}
      </Section>
    </TeamShell>
  )
}
