import type { MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { AdminShell } from '~/components/staff/admin-shell'
import { BanBox, type BanAnswer } from '~/components/staff/ban-box'
import {
  AttemptTable,
  ClaimActions,
  ClaimFacts,
  FormerKeys,
  Trail,
} from '~/components/staff/claim-detail'
import { Section } from '~/components/base/page-shell'
import { banRefusals } from '~/components/staff/ban-messages'
import { banPerson, unbanPerson } from '~/domain/people/ban.server'
import { findClaimDetail } from '~/domain/staff/claim-detail.server'
import type { Ctx } from '~/domain/ctx'
import { adminActUrl, adminWorkshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

async function requireClaim(ctx: Ctx, params: Record<string, string | undefined>) {
  const claimId = params.claim ?? ''
  const claim = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(claimId)
    ? await findClaimDetail(ctx, params.workshop ?? '', claimId)
    : null
  if (!claim) throw notFound()
  return claim
}

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  return { claim: await requireClaim(ctx, params), mayAct: viewer.role === 'admin' }
})

export const action = handler(async ({ request, params, ctx, auth }): Promise<BanAnswer> => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const { person } = await requireClaim(ctx, params)
  const form = await request.formData()
  const reason = form.get('reason')
  const input = {
    userId: person.userId,
    reason: typeof reason === 'string' ? reason : '',
    actorUserId: viewer.userId,
  }
  const intent = form.get('intent')
  if (intent === 'unban')
    return { done: (await unbanPerson(ctx, input)) ? 'The ban is lifted.' : 'There was no ban.' }
  if (intent !== 'ban') throw new Response('bad-request', { status: 400 })
  const outcome = await banPerson(ctx, input)
  if (outcome.kind === 'refused') return { refused: banRefusals[outcome.reason] }
  return {
    done:
      outcome.kind === 'banned'
        ? 'Banned. Live keys are being ended.'
        : 'They were banned already.',
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  {
    title: `${data?.claim.reference ?? ''} ${data?.claim.person.displayName ?? ''} · Admin · Keymint`,
  },
]

export default function AdminClaim() {
  const { claim, mayAct } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>() ?? null
  return (
    <AdminShell
      title={claim.person.displayName}
      back={{ to: adminWorkshopUrl(claim.workshopSlug), label: `Claims of ${claim.workshopSlug}` }}
      lead={<span className="font-mono">{claim.reference}</span>}
    >
      {mayAct ? <ClaimActions claim={claim} action={adminActUrl(claim.workshopSlug)} /> : null}
      <div className="mt-6">
        <ClaimFacts claim={claim} />
      </div>
      {claim.formerKeys.length > 0 ? (
        <Section title="Former keys" id="former">
          <FormerKeys claim={claim} />
        </Section>
      ) : null}
      <Section title="Calls to make the key" id="attempts">
        <AttemptTable claim={claim} />
      </Section>
      {mayAct ? (
        <Section title={claim.person.banned ? 'Banned' : 'Ban'} id="ban">
          <BanBox banned={claim.person.banned} answer={answer} />
        </Section>
      ) : null}
      <Section title="Who did what" id="trail">
        <Trail claim={claim} />
      </Section>
    </AdminShell>
  )
}
