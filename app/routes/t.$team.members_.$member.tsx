import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData } from '@remix-run/react'
import { BudgetFigures, MonthEnd } from '~/components/team/budget-figures'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Field, Select } from '~/components/base/field'
import { EmptyState, Section } from '~/components/base/page-shell'
import { SubKeyTable } from '~/components/team/sub-key-table'
import { TeamShell } from '~/components/team/team-shell'
import { memberUrl, teamUrl } from '~/urls'
import { previewBudgetView, setBudget, type BudgetPreviewView } from '~/domain/money/budgets.server'
import { listSubKeys } from '~/domain/team/sub-key-view.server'
import {
  removeMember,
  resumeMember,
  setRole,
  suspendMember,
  type MemberOutcome,
} from '~/domain/team/team.server'
import { listMembers, readBudgetView } from '~/domain/team/team-view.server'
import { handler, notFound } from '~/web/handler.server'
import { frameOf, intentOf, parseText, parseUsd, requireOwner } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  const { ctx } = args
  const ref = { teamId: team.teamId, userId: args.params.member ?? '' }
  const member = (await listMembers(ctx, team.teamId)).find((one) => one.userId === ref.userId)
  if (!member) throw notFound()
  const query = new URL(args.request.url).searchParams
  const asked = {
    budget: query.get('budget') ?? '',
    effective: query.get('effective') === 'next-month' ? ('next-month' as const) : ('now' as const),
  }
  const wanted = query.has('budget') ? parseUsd(asked.budget, { orZero: true }) : null
  const [budget, keys, preview] = await Promise.all([
    readBudgetView(ctx, ref),
    listSubKeys(ctx, ref),
    wanted === null
      ? null
      : previewBudgetView(ctx, ref, { budget: wanted, effective: asked.effective }),
  ])
  return {
    team: frameOf(team),
    member,
    self: viewer.userId === member.userId,
    budget,
    keys,
    asked,
    badBudget: query.has('budget') && wanted === null,
    preview,
    asOf: ctx.now().toISOString(),
  }
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  const { ctx } = args
  const ref = { teamId: team.teamId, userId: args.params.member ?? '' }
  const form = await args.request.formData()
  const reason = parseText(form.get('reason'), 500)
  if (reason === null) return data({ problem: 'no-reason' as const }, { status: 422 })
  const here = redirect(memberUrl(team.slug, ref.userId), 303)
  const answer = (outcome: MemberOutcome, to = here) =>
    outcome.kind === 'done' ? to : data({ problem: outcome.reason }, { status: 409 })
  switch (intentOf(form)) {
    case 'budget': {
      const budget = parseUsd(form.get('budget'), { orZero: true })
      if (budget === null) return data({ problem: 'bad-budget' as const }, { status: 422 })
      const effect = await setBudget(
        ctx,
        ref,
        {
          budget,
          effective: form.get('effective') === 'next-month' ? 'next-month' : 'now',
          reason,
        },
        viewer.userId,
      )
      return effect ? here : data({ problem: 'no-such-member' as const }, { status: 409 })
    }
    case 'suspend':
      return answer(await suspendMember(ctx, ref, viewer.userId, reason))
    case 'resume':
      return answer(await resumeMember(ctx, ref, viewer.userId, reason))
    case 'role':
      return answer(
        await setRole(
          ctx,
          ref,
          form.get('role') === 'owner' ? 'owner' : 'member',
          viewer.userId,
          reason,
        ),
      )
    case 'remove':
      return answer(
        await removeMember(ctx, ref, viewer.userId, reason),
        redirect(teamUrl(team.slug, 'members'), 303),
      )
    default:
      throw new Response('bad-request', { status: 400 })
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data?.member.name ?? 'Member'} · ${data?.team.name ?? 'Team'} · Keymint` },
]

const problems = {
  'no-reason': 'Give a reason: it stands in the audit trail. Nothing was changed.',
  'bad-budget': 'Write an amount of dollars, such as 100 or 12.50. Nothing was changed.',
  'no-such-member': 'They are not in the team any more.',
  'last-owner': 'They are the only owner. Make somebody else an owner first.',
  'nothing-to-do': 'That is so already.',
}

export default function Member() {
  const { team, member, self, budget, keys, asked, badBudget, preview, asOf } =
    useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const here = memberUrl(team.slug, member.userId)
  return (
    <TeamShell
      team={team}
      title={member.name}
      lead={`${member.role === 'owner' ? 'An owner' : 'A member'} of the team${member.state === 'suspended' ? ', suspended' : ''}${member.email ? `, ${member.email}` : ''}.`}
      back={{ to: teamUrl(team.slug, 'members'), label: 'Members' }}
    >
      {answer ? (
        <div role="alert" className="mt-6 max-w-read">
          <Callout tone="warning" title={problems[answer.problem]} />
        </div>
      ) : null}
      <Section title="This month" id="month">
        <BudgetFigures budget={budget} whose={self ? 'your budget' : `${member.name}’s budget`} />
        <MonthEnd budget={budget} asOf={asOf} />
      </Section>
      <Section title="Change the budget" id="change">
        <div className="max-w-[34rem] space-y-6">
          <Form method="get" action={`${here}#change`} preventScrollReset className="space-y-4">
            <Field
              label="Budget a month, in USD"
              name="budget"
              required
              defaultValue={asked.budget}
              {...(badBudget ? { error: 'Write an amount of dollars, such as 100 or 12.50.' } : {})}
            />
            <Select
              label="From"
              name="effective"
              defaultValue={asked.effective}
              options={[
                { value: 'now', label: `now: ${budget.monthWords} and on` },
                { value: 'next-month', label: `next month: ${budget.nextMonthWords} and on` },
              ]}
            />
            <Button type="submit">See what it does</Button>
          </Form>
          {preview ? (
            <Callout
              tone={preview.short ? 'warning' : 'plain'}
              title={`${preview.from.text} a month becomes ${preview.to.text}, from ${preview.monthWords} on.`}
            >
              <p>{previewWords(preview)}</p>
              <Form method="post" action={here} className="mt-3 space-y-4">
                <input type="hidden" name="budget" value={asked.budget} />
                <input type="hidden" name="effective" value={asked.effective} />
                <Field label="Reason" name="reason" required hint="Stands in the audit trail." />
                <Button type="submit" name="intent" value="budget" kind="ink">
                  Set the budget to {preview.to.text}
                </Button>
              </Form>
            </Callout>
          ) : null}
        </div>
      </Section>
      <Section title="Keys" id="keys">
        {keys.length === 0 ? (
          <EmptyState title="No key has been made.">
            <p>Keys appear here with what they cost.</p>
          </EmptyState>
        ) : (
          <SubKeyTable slug={team.slug} keys={keys} holders={false} asOf={asOf} />
        )}
      </Section>
      <Section title="Membership" id="membership">
        <div className="max-w-[34rem] space-y-2">
          <Act
            summary={member.role === 'owner' ? 'Make them a member' : 'Make them an owner'}
            words={
              member.role === 'owner'
                ? 'They keep their keys and budget, and no longer see the vault, the audit trail or other people’s keys.'
                : 'They can set budgets, invite and remove people, and put keys into the vault.'
            }
            intent="role"
            button={member.role === 'owner' ? 'Make a member' : 'Make an owner'}
          >
            <input type="hidden" name="role" value={member.role === 'owner' ? 'member' : 'owner'} />
          </Act>
          {member.state === 'suspended' ? (
            <Act
              summary="Let them back in"
              words="They can make keys again, inside their budget. Keys that were ended stay ended."
              intent="resume"
              button="Let them back in"
            />
          ) : (
            <Act
              summary="Suspend them"
              words={`Their keys (${member.liveKeys}) end at once, and they can make no new one until you let them back in. What is unspent returns to their budget.`}
              intent="suspend"
              button="Suspend"
            />
          )}
          <Act
            summary="Remove them from the team"
            words={`Their keys (${member.liveKeys}) end at once. What is free, and what their keys have not spent, goes back to the team.`}
            intent="remove"
            button={`Remove ${member.name}`}
          />
        </div>
      </Section>
    </TeamShell>
  )
}

function previewWords(preview: BudgetPreviewView): string {
  if (preview.effective === 'next-month')
    return `This month stays as it is. ${preview.monthWords} begins with ${preview.to.text}, less what keys that live on can still spend.`
  if (preview.short)
    return `${preview.used.text} is spent or set aside already, so the budget would be short by ${preview.shortBy.text}. Keys keep working up to their caps, and nothing new can be made until that is healed.`
  return `Free now ${preview.freeBefore.text}, and ${preview.freeAfter.text} after.`
}

function Act({
  summary,
  words,
  intent,
  button,
  children,
}: {
  summary: string
  words: string
  intent: string
  button: string
  children?: React.ReactNode
}) {
  return (
    <details>
      <summary className="inline-flex min-h-11 items-center prose-link">{summary}</summary>
      <Form method="post" className="mt-2 space-y-4 pb-4">
        <p>{words}</p>
        {children}
        <Field label="Reason" name="reason" required hint="Stands in the audit trail." />
        <Button type="submit" name="intent" value={intent}>
          {button}
        </Button>
      </Form>
    </details>
  )
}
