import { randomUUID } from 'node:crypto'
import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { ButtonLink } from '~/components/base/button'
import { BudgetChange } from '~/components/team/budget-change'
import { BudgetMeters, MonthEnd } from '~/components/team/budget-meters'
import { EmptyState, Section } from '~/components/base/page-shell'
import { FormProblem } from '~/components/team/form-answer'
import { HandOver } from '~/components/team/hand-over'
import { keyProblem, keyProblems } from '~/components/team/key-problem-messages'
import { asRole } from '~/components/team/role-messages'
import { MembershipForms } from '~/components/team/membership-forms'
import { OverPages } from '~/components/team/over-pages'
import { SubKeyTable } from '~/components/team/sub-key-table'
import { memberProblems } from '~/components/team/team-messages'
import { TopUpForm } from '~/components/team/top-up'
import { TeamShell } from '~/components/team/team-shell'
import { memberUrl, serviceKeyUrl, teamUrl } from '~/urls'
import {
  BudgetStale,
  budgetVersion,
  MonthChanged,
  previewBudgetView,
  setBudget,
} from '~/domain/money/budgets.server'
import { isServiceAccount, memberRoles, mayHoldKeys, type MemberRole } from '~/domain/money/roles'
import { setTopUp } from '~/domain/money/top-ups.server'
import { handOverKeys, listTakers } from '~/domain/team/hand-over.server'
import { listKeyPage } from '~/domain/team/sub-key-view.server'
import {
  findMembership,
  removeMember,
  resumeMember,
  setRole,
  suspendMember,
  type MemberOutcome,
} from '~/domain/team/team.server'
import { listMembers, readBudgetView } from '~/domain/team/team-view.server'
import { badRequest, handler, notFound } from '~/web/handler.server'
import {
  firstProblem,
  formId,
  parseFields,
  readFields,
  requiredText,
  shownAmount,
  usdAmount,
} from '~/web/parse-form.server'
import { frameOf, intentOf, isActiveOwner, requireMoneyRole } from '~/web/team.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

const effective = z.enum(['now', 'next-month']).catch('now')
const budgetForm = z.object({
  budget: usdAmount('bad-budget', { orZero: true }),
  effective,
  formId,
})
const topUpForm = z.object({
  amount: usdAmount('bad-budget', { orZero: true }),
  was: shownAmount('stale'),
  month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])-01$/, 'month-changed'),
  formId,
})
/** A form without them is not held to a month, or to the budgets that it was shown. */
const monthShown = z.object({
  was: z.string().transform((was) => was || undefined),
  month: z
    .string()
    .regex(/^(\d{4}-\d{2}-01)?$/, 'month-changed')
    .transform((month) => month || undefined),
})

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMoneyRole(args)
  const isOwner = isActiveOwner(team)
  const { ctx } = args
  const ref = { teamId: team.teamId, userId: args.params.member ?? '' }
  const member = (await listMembers(ctx, team.teamId)).find((one) => one.userId === ref.userId)
  if (!member) throw notFound()
  const query = new URL(args.request.url).searchParams
  if (query.has('budget')) await requireWithinLimit(args, 'preview', viewer)
  const form = query.has('budget') ? parseFields(budgetForm, query) : null
  const [budget, list, preview] = await Promise.all([
    readBudgetView(ctx, ref),
    // Finance sees what somebody spends, not with which keys.
    isOwner ? listKeyPage(ctx, ref, 1) : null,
    form?.ok ? previewBudgetView(ctx, ref, form.value) : null,
  ])
  return {
    team: frameOf(team),
    isOwner,
    member,
    self: viewer.userId === member.userId,
    budget,
    keys: list && [...list.current, ...list.over],
    moreKeys: list?.more ?? false,
    takers:
      isOwner && member.liveKeys > 0 && team.closedAt === null ? await listTakers(ctx, ref) : null,
    input: {
      budget: query.get('budget') ?? '',
      effective: effective.parse(query.get('effective')),
      valid: form?.ok ?? true,
    },
    preview,
    version: budgetVersion(budget.monthly, budget.next),
    formId: randomUUID(),
    asOf: ctx.now().toISOString(),
  }
})

const reasonForm = z.object({ reason: requiredText(500, 'no-reason', 'no-reason') })
const handOverForm = z.object({
  to: requiredText(100, 'no-such-member', 'no-such-member'),
  reason: requiredText(500, 'no-reason', 'no-reason'),
})
const roleForm = z.object({ role: z.enum(memberRoles) })

export const action = handler(async (args) => {
  const { viewer, team } = await requireMoneyRole(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const { ctx } = args
  const ref = { teamId: team.teamId, userId: args.params.member ?? '' }
  if (!(await findMembership(ctx, team.slug, ref.userId))) throw notFound()
  const fields = await readFields(args.request)
  const intent = intentOf(fields)
  // Finance changes budgets and top-ups. Everything else here is the owners'.
  if (intent !== 'budget' && intent !== 'top-up' && !isActiveOwner(team)) throw notFound()
  const refuse = (problem: keyof typeof memberProblems, status: number) =>
    data({ problem }, { status })
  if (intent === 'hand-over') {
    const form = parseFields(handOverForm, fields)
    if (!form.ok) return refuse(firstProblem(form, memberProblems), 422)
    const outcome = await handOverKeys(ctx, {
      teamId: team.teamId,
      actorUserId: viewer.userId,
      from: ref.userId,
      ...form.value,
    })
    return outcome.kind === 'handed'
      ? redirect(memberUrl(team.slug, ref.userId), 303)
      : data(keyProblem(outcome), { status: 409 })
  }
  const reasoned = parseFields(reasonForm, fields)
  if (!reasoned.ok) return refuse(firstProblem(reasoned, memberProblems), 422)
  const { reason } = reasoned.value
  const here = redirect(memberUrl(team.slug, ref.userId), 303)
  const answer = (outcome: MemberOutcome, to = here) =>
    outcome.kind === 'done' ? to : refuse(outcome.reason, 409)
  switch (intent) {
    case 'budget': {
      const form = parseFields(budgetForm, fields)
      if (!form.ok) return refuse(firstProblem(form, memberProblems), 422)
      const shown = parseFields(monthShown, fields)
      if (!shown.ok) return refuse('month-changed', 409)
      try {
        const { month, was } = shown.value
        const { formId, ...wish } = form.value
        const change = {
          ...wish,
          ...(month ? { month } : {}),
          ...(was ? { was } : {}),
          ...(formId ? { formId } : {}),
          reason,
        }
        const effect = await setBudget(ctx, ref, change, viewer.userId)
        return effect ? here : refuse('no-budget', 409)
      } catch (error) {
        if (error instanceof MonthChanged) return refuse('month-changed', 409)
        if (error instanceof BudgetStale) return refuse('stale', 409)
        throw error
      }
    }
    case 'top-up': {
      const form = parseFields(topUpForm, fields)
      if (!form.ok) return refuse(firstProblem(form, memberProblems), 422)
      const { formId, ...wish } = form.value
      const change = { ...wish, ...(formId ? { formId } : {}), reason }
      const outcome = await setTopUp(ctx, ref, change, viewer.userId)
      return outcome.kind === 'set' ? here : refuse(outcome.reason, 409)
    }
    case 'suspend':
      return answer(await suspendMember(ctx, ref, viewer.userId, reason))
    case 'resume':
      return answer(await resumeMember(ctx, ref, viewer.userId, reason))
    case 'role': {
      const form = parseFields(roleForm, fields)
      if (!form.ok) throw badRequest()
      return answer(await setRole(ctx, ref, form.value.role, viewer.userId, reason))
    }
    case 'remove':
      return answer(
        await removeMember(ctx, ref, viewer.userId, reason),
        redirect(
          teamUrl(team.slug, isServiceAccount(ref.userId) ? 'service-accounts' : 'members'),
          303,
        ),
      )
    default:
      throw badRequest()
  }
})

/** "A member of the team" */
const roleFact = (role: MemberRole) =>
  role === 'service'
    ? 'A service account of the team, for machines. Nobody signs in with it.'
    : role === 'finance'
      ? 'Finance of the team'
      : `${asRole[role].replace(/^a/, 'A')} of the team`

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data?.member.name ?? 'Member'} · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Member() {
  const {
    team,
    isOwner,
    member,
    self,
    budget,
    keys,
    moreKeys,
    takers,
    input,
    preview,
    version,
    formId: shownId,
    asOf,
  } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer ? { ...keyProblems, ...memberProblems }[answer.problem] : null
  const isService = member.role === 'service'
  const facts = [
    roleFact(member.role),
    ...(member.state === 'suspended' ? ['suspended'] : []),
    ...(member.email ? [member.email] : []),
  ]
  return (
    <TeamShell
      team={team}
      title={member.name}
      lead={facts.join(', ')}
      back={
        isService
          ? { to: teamUrl(team.slug, 'service-accounts'), label: 'Service accounts' }
          : { to: teamUrl(team.slug, 'members'), label: 'Members' }
      }
    >
      {problem ? (
        <FormProblem title={problem.title}>
          <p>{(answer && 'detail' in answer && answer.detail) || problem.next}</p>
        </FormProblem>
      ) : null}
      <Section title="This month" id="month">
        <BudgetMeters budget={budget} whose={self ? 'your budget' : `${member.name}’s budget`} />
        <MonthEnd budget={budget} asOf={asOf} />
      </Section>
      {team.closedAt || !mayHoldKeys(member.role) ? null : (
        <Section title="Change the budget" id="change">
          <BudgetChange
            url={memberUrl(team.slug, member.userId)}
            budget={budget}
            input={input}
            preview={preview}
            version={version}
            formId={shownId}
          />
        </Section>
      )}
      {team.closedAt || !mayHoldKeys(member.role) ? null : (
        <Section title="Top up this month" id="top-up">
          <TopUpForm key={`${budget.topUp.usd}-${budget.month}`} budget={budget} formId={shownId} />
        </Section>
      )}
      {keys ? (
        <Section title="Keys" id="keys">
          {keys.length === 0 ? (
            <EmptyState title="No keys yet">
              <p>Keys appear here with what they cost.</p>
            </EmptyState>
          ) : (
            <SubKeyTable slug={team.slug} keys={keys} holders={false} asOf={asOf} />
          )}
          <OverPages
            slug={team.slug}
            filter={{ text: null, holder: member.userId, service: null, state: null }}
            page={1}
            more={moreKeys}
          />
          {isService && member.state === 'active' && !team.closedAt ? (
            <p className="mt-4">
              <ButtonLink kind="key" to={serviceKeyUrl(team.slug, member.userId)}>
                Make a key
              </ButtonLink>
            </p>
          ) : null}
        </Section>
      ) : null}
      {takers ? (
        <HandOver
          from={member.userId}
          takers={takers}
          what={`all live keys (${member.liveKeys}) with what they may still spend`}
          button="Hand over all live keys"
        />
      ) : null}
      {isOwner ? (
        <Section title={isService ? 'Suspend or close' : 'Membership'} id="membership">
          <MembershipForms member={member} />
        </Section>
      ) : null}
    </TeamShell>
  )
}
