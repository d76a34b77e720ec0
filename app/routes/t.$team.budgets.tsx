import { randomUUID } from 'node:crypto'
import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { EmptyState, Section } from '~/components/base/page-shell'
import { BudgetTableForm, BudgetTablePreview } from '~/components/team/budget-table'
import { FormDone, FormProblem } from '~/components/team/form-answer'
import { memberLabel } from '~/components/team/role-messages'
import { tableProblems } from '~/components/team/team-messages'
import { CeilingSummary } from '~/components/team/team-ceiling'
import { TeamShell } from '~/components/team/team-shell'
import { maxRows, previewTable, setTable } from '~/domain/money/budget-table.server'
import { budgetVersion } from '~/domain/money/budgets.server'
import { monthOf, nextMonth } from '~/domain/money/month'
import { mayHoldKeys } from '~/domain/money/roles'
import { readCeilingView } from '~/domain/team/team-ceiling.server'
import { listMembers } from '~/domain/team/team-view.server'
import { teamUrl } from '~/urls'
import { readBudgetTable } from '~/web/budget-table.server'
import { badRequest, handler } from '~/web/handler.server'
import { formId, parseFields, readFields, requiredText } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, intentOf, isActiveOwner, requireMoneyRole } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireMoneyRole(args)
  const { ctx } = args
  const everybody = await listMembers(ctx, team.teamId)
  const ceiling = await readCeilingView(ctx, team.teamId)
  const members = everybody.filter(({ role }) => mayHoldKeys(role))
  const month = monthOf(ctx.now())
  return {
    team: frameOf(team),
    ceiling,
    isOwner: isActiveOwner(team),
    rows: members
      .slice(0, maxRows)
      .map(({ userId, name, role, monthly, next, spent, committed }) => ({
        userId,
        name: memberLabel(name, role === 'service'),
        monthly,
        next,
        spent,
        committed,
        version: budgetVersion(monthly, next),
      })),
    more: members.length > maxRows,
    months: { present: month, next: nextMonth(month) },
    formId: randomUUID(),
    done: new URL(args.request.url).searchParams.get('done') === 'yes',
  }
})

const reasonForm = z.object({ reason: requiredText(500, 'no-reason', 'no-reason') })
const shownForm = z.object({
  month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])-01$/),
  formId,
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireMoneyRole(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const { ctx } = args
  const fields = await readFields(args.request)
  const intent = intentOf(fields)
  if (intent !== 'preview' && intent !== 'set') throw badRequest()
  const { rows, typed } = readBudgetTable(fields)
  const table = {
    teamId: team.teamId,
    actorUserId: viewer.userId,
    effective: typed.effective,
    rows,
  }
  const refuse = (problem: keyof typeof tableProblems, status: number) =>
    data({ problem, typed, preview: null }, { status })
  if (typed.wrong.length > 0) return refuse('bad-budget', 422)
  if (rows.length === 0) return refuse('nothing', 422)
  const preview = async (problem: keyof typeof tableProblems | null, status: number) => {
    const shown = await previewTable(ctx, table)
    return shown.kind === 'ready'
      ? data({ problem, typed, preview: shown.preview }, { status })
      : refuse('stale', 409)
  }
  if (intent === 'preview') return preview(null, 200)
  const reasoned = parseFields(reasonForm, fields)
  if (!reasoned.ok) return preview('no-reason', 422)
  const shown = parseFields(shownForm, fields)
  if (!shown.ok) return preview('month-changed', 409)
  const { month, formId } = shown.value
  const change = { month, reason: reasoned.value.reason, ...(formId ? { formId } : {}) }
  const outcome = await setTable(ctx, table, change)
  if (outcome.kind === 'refused')
    return outcome.reason === 'stale' ? refuse('stale', 409) : preview('month-changed', 409)
  return redirect(`${teamUrl(team.slug, 'budgets')}?done=yes`, 303)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Budgets · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Budgets() {
  const { team, ceiling, isOwner, rows, more, months, formId, done } =
    useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer?.problem ? tableProblems[answer.problem] : null
  return (
    <TeamShell
      team={team}
      title="Budgets of the members"
      lead="Enter a new budget where it should change. The others stay as they are."
      back={{ to: teamUrl(team.slug, 'members'), label: 'Members' }}
    >
      {problem ? (
        <FormProblem title={problem.title}>
          <p>{problem.next}</p>
        </FormProblem>
      ) : done && !answer ? (
        <FormDone title="The budgets are set" />
      ) : null}
      {ceiling ? (
        <Section title="The team’s ceiling" id="ceiling">
          <CeilingSummary slug={team.slug} view={ceiling} linked={isOwner && !team.closedAt} />
        </Section>
      ) : null}
      {answer?.preview ? (
        <Section title="Preview" id="preview">
          <BudgetTablePreview
            preview={answer.preview}
            rows={rows}
            typed={answer.typed}
            formId={formId}
          />
        </Section>
      ) : null}
      <Section title="Members" id="members">
        {team.closedAt ? (
          <EmptyState title="The team is closed">
            <p>No budget changes in it.</p>
          </EmptyState>
        ) : (
          <BudgetTableForm
            key={done ? formId : 'form'}
            rows={rows}
            typed={answer?.typed ?? null}
            months={months}
          />
        )}
        {more ? (
          <p className="mt-4 text-small text-soft">
            The first {rows.length} members are shown. The others have their own pages.
          </p>
        ) : null}
      </Section>
    </TeamShell>
  )
}
