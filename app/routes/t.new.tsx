import { randomUUID } from 'node:crypto'
import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Button } from '~/components/base/button'
import { Field } from '~/components/base/field'
import { PageShell } from '~/components/base/page-shell'
import { newTeamProblems } from '~/components/team/team-messages'
import { meUrl, teamUrl } from '~/urls'
import { createTeam } from '~/domain/team/team.server'
import { handler } from '~/web/handler.server'
import {
  firstProblem,
  formId,
  parseFields,
  readFields,
  requiredLine,
  requiredText,
} from '~/web/parse-form.server'
import { requireViewer } from '~/web/session.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

export const loader = handler(async (args) => {
  await requireViewer(args)
  return { formId: randomUUID() }
})

const teamForm = z.object({
  name: requiredLine(80, 'bad-name'),
  slug: requiredText(40, 'bad-slug', 'bad-slug'),
  formId,
})

export const action = handler(async (args) => {
  const viewer = await requireViewer(args)
  await requireWithinLimit(args, 'team-create', viewer)
  const fields = await readFields(args.request)
  const refuse = (problem: keyof typeof newTeamProblems) =>
    data(
      { problem, name: fields.get('name') ?? '', slug: fields.get('slug') ?? '' },
      { status: 422 },
    )
  const form = parseFields(teamForm, fields)
  if (!form.ok) return refuse(firstProblem(form, newTeamProblems))
  const { formId, ...wish } = form.value
  const outcome = await createTeam(args.ctx, {
    ...wish,
    ...(formId ? { formId } : {}),
    person: viewer,
  })
  return outcome.kind === 'created'
    ? redirect(teamUrl(outcome.slug, 'dashboard'), 303)
    : refuse(outcome.reason)
})

export const meta: MetaFunction = () => [{ title: 'Make a team · Keymint' }]

export default function NewTeam() {
  const { formId } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const problem = answer ? newTeamProblems[answer.problem] : null
  const errorAt = (field: 'name' | 'slug') =>
    problem?.field === field ? { error: problem.message } : {}
  return (
    <PageShell
      title="Make a team"
      lead={
        'You become its first owner. Add a credential to its vault, invite people and give each a ' +
        'budget. They make their own keys within it.'
      }
      back={{ to: meUrl(), label: 'Your keys' }}
    >
      <Form method="post" className="mt-8 max-w-[28rem] space-y-6">
        <input type="hidden" name="formId" value={formId} />
        <Field
          label="Name"
          name="name"
          required
          hint="What people call the team."
          defaultValue={answer?.name ?? ''}
          {...errorAt('name')}
        />
        <Field
          label="Address"
          name="slug"
          required
          hint="Part of the address of the team’s pages, such as “data-team”. It cannot be changed later."
          defaultValue={answer?.slug ?? ''}
          {...errorAt('slug')}
        />
        <Button type="submit" kind="ink">
          Make the team
        </Button>
      </Form>
    </PageShell>
  )
}
