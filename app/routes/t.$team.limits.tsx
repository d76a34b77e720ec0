import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Callout } from '~/components/base/callout'
import { EmptyState, Section } from '~/components/base/page-shell'
import { ApprovalForm } from '~/components/team/automatic-approval'
import { CeilingForm, CeilingSummary } from '~/components/team/team-ceiling'
import { limitProblems } from '~/components/team/limit-messages'
import { TeamShell } from '~/components/team/team-shell'
import { readApprovalView, setAutomaticApproval } from '~/domain/team/automatic-approval.server'
import { readCeilingView, setCeiling } from '~/domain/team/team-ceiling.server'
import { teamUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { firstProblem, optionalUsd, parseFields, readFields } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, intentOf, isActiveOwner, requireMoneyRole } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireMoneyRole(args)
  const [ceiling, approval] = await Promise.all([
    readCeilingView(args.ctx, team.teamId),
    readApprovalView(args.ctx, team.teamId),
  ])
  return {
    team: frameOf(team),
    isOwner: isActiveOwner(team),
    ceiling,
    approval,
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

export const action = handler(async (args) => {
  const { viewer, team } = await requireMoneyRole(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const fields = await readFields(args.request)
  const setting = { teamId: team.teamId, slug: team.slug, actorUserId: viewer.userId }
  const done = redirect(`${teamUrl(team.slug, 'limits')}?done=yes`, 303)
  const refuse = (problem: keyof typeof limitProblems, status: number) =>
    data({ problem, typed: Object.fromEntries(fields) }, { status })
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
  if (intent !== 'team-ceiling') throw badRequest()
  // The ceiling binds finance too, so owners alone set it.
  if (!isActiveOwner(team)) throw notFound()
  const form = parseFields(ceilingForm, fields)
  if (!form.ok) return refuse(firstProblem(form, limitProblems), 422)
  const { amount: ceiling, was } = form.value
  const outcome = await setCeiling(args.ctx, { ...setting, ceiling, was })
  return outcome === 'set' ? done : refuse('stale-ceiling', 409)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Limits · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Limits() {
  const { team, isOwner, ceiling, approval, done } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer ? limitProblems[answer.problem] : null
  const typedAt = (code: keyof typeof limitProblems, field: string) =>
    answer?.problem === code ? (answer.typed[field] ?? '') : null
  return (
    <TeamShell
      team={team}
      title="Limits of the team"
      lead="What the team can cost in a month, whatever the budgets of its members add up to."
      back={{ to: teamUrl(team.slug, 'members'), label: 'Members' }}
    >
      {problem ? (
        <div role="alert" className="mt-6 max-w-read">
          <Callout tone="warning" title={problem.title}>
            <p>{problem.next}</p>
          </Callout>
        </div>
      ) : done && !answer ? (
        <div role="status" className="mt-6 max-w-read">
          <Callout tone="ok" title="The limit is set" />
        </div>
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
    </TeamShell>
  )
}
