import type { MetaFunction } from '@remix-run/node'
import { Form, useActionData } from '@remix-run/react'
import { z } from 'zod'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Field } from '~/components/base/field'
import { AdminShell } from '~/components/staff/admin-shell'
import type { BanAnswer } from '~/components/staff/ban-box'
import { banRefusals } from '~/components/staff/ban-messages'
import { banPerson, unbanPerson } from '~/domain/people/ban.server'
import { badRequest, handler } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { requireAdmin } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  await requireAdmin({ request, ctx, auth })
  return null
})

const form = z.object({
  intent: z.enum(['ban', 'unban']),
  person: z.string().trim(),
  reason: z.string().trim(),
})

/** For people without a claim: members of teams, and whoever only signed in. */
export const action = handler(async ({ request, ctx, auth }): Promise<BanAnswer> => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const parsed = await parseForm(form, request)
  if (!parsed.ok) throw badRequest()
  const { intent, person, reason } = parsed.value
  const input = { userId: person.replace(/^user:/, ''), reason, actorUserId: viewer.userId }
  if (intent === 'unban') {
    if (reason === '') return { refused: banRefusals['no-reason'] }
    return {
      done: (await unbanPerson(ctx, input)) ? 'The ban is lifted' : 'This person was not banned',
    }
  }
  const outcome = await banPerson(ctx, input)
  if (outcome.kind === 'refused') return { refused: banRefusals[outcome.reason] }
  return {
    done:
      outcome.kind === 'banned' ? 'Banned; live keys are ending' : 'This person was banned already',
  }
})

export const meta: MetaFunction = () => [{ title: 'Ban a person · Admin · Keymint' }]

export default function AdminBan() {
  const answer = useActionData<typeof action>()
  return (
    <AdminShell
      title="Ban a person"
      lead={
        'For people without a claim, such as members of teams. ' +
        'Everybody else has the same form on the page of their claim.'
      }
    >
      <div className="mt-6 max-w-read space-y-4">
        {answer ? (
          <div role="status">
            {'done' in answer ? (
              <Callout tone="ok" title={answer.done} />
            ) : (
              <Callout tone="warning" title={answer.refused} />
            )}
          </div>
        ) : null}
        <p className="text-soft">
          A ban ends every live key of this person in every workshop and team and signs them out,
          until you lift it. A lifted ban returns no key.
        </p>
        <Form method="post" className="space-y-4">
          <Field
            label="Person"
            name="person"
            required
            hint="The id in the audit trail, such as github:583231."
          />
          <Field label="Reason" name="reason" hint="Recorded in the audit trail." required />
          <div className="flex flex-wrap gap-3">
            <Button type="submit" name="intent" value="ban">
              Ban this person
            </Button>
            <Button type="submit" name="intent" value="unban" kind="quiet">
              Lift the ban
            </Button>
          </div>
        </Form>
      </div>
    </AdminShell>
  )
}
