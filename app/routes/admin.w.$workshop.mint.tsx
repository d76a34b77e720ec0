import { redirect, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData, useNavigation } from '@remix-run/react'
import { AdminShell } from '~/components/staff/admin-shell'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { isRefusedReason, notTakenMessages } from '~/components/claim/claim-messages'
import { Field } from '~/components/base/field'
import { claimForGithubId, type ClaimForOutcome } from '~/domain/claim/claim-for.server'
import type { Ctx } from '~/domain/ctx'
import { adminClaimUrl, adminWorkshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { requireAdmin } from '~/web/session.server'

/**
 * Only giveaways have this page: a workshop's keys go to verified addresses, which an id alone does
 * not have.
 */
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

export const action = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const { slug } = requireGiveaway(ctx, params.workshop ?? '')
  const given = (await request.formData()).get('githubId')
  const githubId = typeof given === 'string' ? given.trim() : ''
  const outcome = await claimForGithubId(ctx, {
    workshopSlug: slug,
    githubId,
    actorUserId: viewer.userId,
  })
  if (outcome.kind === 'refused') return { githubId, refused: wordsOf(outcome) }
  return redirect(adminClaimUrl(slug, outcome.claimId), 303)
})

/** What staff can do about it; everything else is told as it is told to attendees. */
const staffWords: Partial<Record<Refusal, string>> = {
  'not-a-github-id':
    'That is no numeric GitHub id. Look it up at https://api.github.com/users/<login>: the number after "id".',
  'not-a-giveaway': 'Keys are made by hand for giveaways only.',
  'switched-off':
    'A switch is off: PROVISIONING_ENABLED must be true, MAX_TOTAL_KEYS a whole number from 1, and the file must have acknowledged the terms.',
  full: 'Every key is taken: raise max_keys in the file or MAX_TOTAL_KEYS, or wait until one has ended.',
  banned: 'This account is banned. Lift the ban on the page of its claim first.',
}

type Refusal = Extract<ClaimForOutcome, { kind: 'refused' }>['reason']

function wordsOf({ reason }: { reason: Refusal }): string {
  const words = staffWords[reason]
  if (words || !isRefusedReason(reason)) return words ?? 'It was refused.'
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
      title="Make a key for a GitHub account."
      back={{ to: adminWorkshopUrl(slug), label: title }}
    >
      <div className="mt-6 max-w-read space-y-6">
        <p>
          For somebody who may never have signed in here: the key waits for whoever signs in with
          this account. Its age is not asked for; a ban, the switches, the number of keys and the
          rule of one key each hold as for everybody. You will see its mask and never the key.
        </p>
        {answer ? (
          <div role="status">
            <Callout tone="amber" title="No key was made.">
              <p>{answer.refused}</p>
            </Callout>
          </div>
        ) : null}
        <Form method="post" className="space-y-4">
          <Field
            label="Numeric GitHub id"
            name="githubId"
            hint="The number, not the login: logins can be renamed and taken by others."
            required
            {...(answer ? { defaultValue: answer.githubId } : {})}
          />
          <Button type="submit" kind="key" busy={busy} busyText="Asking…">
            Make a key
          </Button>
        </Form>
      </div>
    </AdminShell>
  )
}
