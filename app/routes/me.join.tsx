import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { Callout } from '~/components/base/callout'
import { PageShell } from '~/components/base/page-shell'
import { JoinAccounts } from '~/components/claim/join-accounts'
import { joinRefusals } from '~/components/claim/person-messages'
import { joinAccounts, readJoin } from '~/domain/people/join-accounts.server'
import { meUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { readSessionToken, requireViewer, safeReturnTo } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  await requireViewer({ request, ctx, auth })
  const token = await readSessionToken(request, auth)
  const join = token ? await readJoin(ctx, token) : null
  if (!join) return redirect(meUrl(), 303)
  const returnTo = safeReturnTo(new URL(request.url).searchParams.get('returnTo'))
  return data({ join, returnTo }, { headers: { 'Cache-Control': 'no-store' } })
})

export const action = handler(async ({ request, ctx, auth, ip }) => {
  const viewer = await requireViewer({ request, ctx, auth })
  await requireWithinLimit({ request, ctx, ip }, 'account', viewer)
  const returnTo = safeReturnTo((await readFields(request)).get('returnTo'))
  const token = await readSessionToken(request, auth)
  const outcome = token
    ? await joinAccounts(ctx, token)
    : { kind: 'refused' as const, reason: 'not-proven' as const }
  if (outcome.kind === 'joined')
    return redirect(returnTo.startsWith('/w/') ? returnTo : meUrl('joined'), 303)
  // Joined already, in another tab: the page of the account says what is so.
  if (outcome.reason === 'not-proven') return redirect(meUrl(), 303)
  return data({ problem: outcome.reason }, { status: 409 })
})

export const meta: MetaFunction = () => [{ title: 'Join your two accounts · Keymint' }]

export default function Join() {
  const { join, returnTo } = useLoaderData<typeof loader>()
  const problem = useActionData<typeof action>()?.problem ?? join.refusal
  return (
    <PageShell title="You have two accounts" back={{ to: meUrl(), label: 'Your keys' }}>
      {problem ? (
        <div role="status" className="mt-6">
          <Callout tone="warning" title={joinRefusals[problem].title}>
            <p>{joinRefusals[problem].meaning}</p>
          </Callout>
        </div>
      ) : null}
      <JoinAccounts join={join} returnTo={returnTo} />
    </PageShell>
  )
}
