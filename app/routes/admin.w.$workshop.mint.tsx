import { redirect, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData, useNavigation } from '@remix-run/react'
import { z } from 'zod'
import { AdminShell } from '~/components/staff/admin-shell'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { isRefusedReason, notTakenMessages } from '~/components/claim/claim-messages'
import { Field } from '~/components/base/field'
import { claimForGithubId, type ClaimForOutcome } from '~/domain/claim/claim-for.server'
import type { Ctx } from '~/domain/ctx'
import { adminClaimUrl, adminWorkshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { requireAdmin } from '~/web/session.server'

/** Only giveaways have this page: a workshop's keys need a verified address, which an id lacks. */
function requireGiveaway(ctx: Ctx, slug: string) {
  const workshop = ctx.workshops.workshops.get(slug)
  if (workshop?.kind !== 'giveaway') throw notFound()
  return workshop
}

export const loader = handler(async ({ request, params, ctx, auth }) => {
  await requireAdmin({ request, ctx, auth })
  const { slug, title } = requireGiveaway(ctx, params.workshop ?? '')
  return { slug, title }
})

const form = z.object({ githubId: z.string().trim() })

export const action = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const { slug } = requireGiveaway(ctx, params.workshop ?? '')
  const parsed = await parseForm(form, request)
  const githubId = parsed.ok ? parsed.value.githubId : ''
  const outcome = await claimForGithubId(ctx, {
    workshopSlug: slug,
    githubId,
    actorUserId: viewer.userId,
  })
  if (outcome.kind === 'refused') return { githubId, refused: messageOf(outcome) }
  return redirect(adminClaimUrl(slug, outcome.claimId), 303)
})

/** What staff can do about it; the rest has the attendees' message. */
const staffMessages: Partial<Record<Refusal, string>> = {
  'not-a-github-id':
    'Enter the numeric GitHub id. Find it at https://api.github.com/users/<login>, after "id".',
  'not-a-giveaway': 'Only giveaways have keys by hand.',
  'switched-off':
    'The giveaway is disabled: set PROVISIONING_ENABLED=true and MAX_TOTAL_KEYS to 1 or more, ' +
    'and acknowledge the terms in the file.',
  full: 'All keys are taken. Raise max_keys in the file or MAX_TOTAL_KEYS, or wait until a key ends.',
  banned: 'This account is banned. Lift the ban on the page of its claim first.',
}

type Refusal = Extract<ClaimForOutcome, { kind: 'refused' }>['reason']

function messageOf({ reason }: { reason: Refusal }): string {
  const message = staffMessages[reason]
  if (message || !isRefusedReason(reason)) return message ?? 'The claim was refused.'
  return `${notTakenMessages[reason].title} ${notTakenMessages[reason].meaning}`
}

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `A key by hand: ${data?.title ?? ''} · Admin · Keymint` },
]

export default function AdminMint() {
  const { slug, title } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const busy = useNavigation().state !== 'idle'
  return (
    <AdminShell
      title="Create a key for a GitHub account"
      back={{ to: adminWorkshopUrl(slug), label: title }}
    >
      <div className="mt-6 max-w-read space-y-6">
        <p>
          The key waits for the person who signs in with this account, even for the first time. The
          account may be of any age; bans, switches, the number of keys and the rule of one key each
          apply. You see the key’s mask, never the key.
        </p>
        {answer ? (
          <div role="status">
            <Callout tone="warning" title="No key was created">
              <p>{answer.refused}</p>
            </Callout>
          </div>
        ) : null}
        <Form method="post" className="space-y-4">
          <Field
            label="Numeric GitHub id"
            name="githubId"
            hint="The number, not the login: a login can change hands."
            required
            {...(answer ? { defaultValue: answer.githubId } : {})}
          />
          <Button type="submit" kind="key" busy={busy} busyText="Creating…">
            Create a key
          </Button>
        </Form>
      </div>
    </AdminShell>
  )
}
