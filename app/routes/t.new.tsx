import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, useActionData } from '@remix-run/react'
import { Button } from '~/components/base/button'
import { Field } from '~/components/base/field'
import { PageShell } from '~/components/base/page-shell'
import { teamUrl } from '~/urls'
import { createTeam, type CreateOutcome } from '~/domain/team/team.server'
import { handler } from '~/web/handler.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async (args) => {
  await requireViewer(args)
  return null
})

export const action = handler(async (args) => {
  const viewer = await requireViewer(args)
  const form = await args.request.formData()
  const [name, slug] = [form.get('name'), form.get('slug')].map((value) =>
    typeof value === 'string' ? value.trim() : '',
  )
  const outcome = await createTeam(args.ctx, { name: name ?? '', slug: slug ?? '', person: viewer })
  if (outcome.kind === 'created') return redirect(teamUrl(outcome.slug, 'dashboard'), 303)
  return data({ problem: outcome.reason, name: name ?? '', slug: slug ?? '' }, { status: 422 })
})

export const meta: MetaFunction = () => [{ title: 'A new team · Keymint' }]

type Problem = Extract<CreateOutcome, { kind: 'refused' }>['reason']
const problems: Record<Problem, { field: 'name' | 'slug'; words: string }> = {
  'bad-name': { field: 'name', words: 'Give the team a name of 1 to 80 characters.' },
  'bad-slug': {
    field: 'slug',
    words:
      'Use small letters, digits and single hyphens, 40 at most; “new” and “join” are taken by this site.',
  },
  'slug-taken': {
    field: 'slug',
    words: 'Another team has this address already. Choose a different one.',
  },
  'too-many': {
    field: 'name',
    words: 'You have made twenty teams already, and that is the most one person can make.',
  },
  banned: {
    field: 'name',
    words: 'You may not make a team on this deployment. Ask its operator why.',
  },
}

export default function NewTeam() {
  const answer = useActionData<typeof action>()
  const problem = answer ? problems[answer.problem] : null
  const errorAt = (field: 'name' | 'slug') =>
    problem?.field === field ? { error: problem.words } : {}
  return (
    <PageShell
      title="A new team."
      lead="You are its first owner. Put a master key into its vault, invite people, and give each a budget: they make their own keys inside it."
      back={{ to: '/me', label: 'Your keys' }}
    >
      <Form method="post" className="mt-8 max-w-[28rem] space-y-6">
        <Field
          label="Name"
          name="name"
          required
          hint="What people call it."
          defaultValue={answer?.name ?? ''}
          {...errorAt('name')}
        />
        <Field
          label="Address"
          name="slug"
          required
          hint="Part of every address of the team, such as “data-team”. It cannot be changed later."
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
