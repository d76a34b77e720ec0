import type { MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
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
import { parseForm, uuid } from '~/web/parse-form.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

async function requireClaim(ctx: Ctx, params: Record<string, string | undefined>) {
  const claimId = params.claim ?? ''
  const claim = uuid.safeParse(claimId).success
    ? await findClaimDetail(ctx, params.workshop ?? '', claimId)
    : null
  if (!claim) throw notFound()
  return claim
}

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  return { claim: await requireClaim(ctx, params), mayAct: viewer.role === 'admin' }
})

const form = z.object({ intent: z.enum(['ban', 'unban']), reason: z.string() })

export const action = handler(async ({ request, params, ctx, auth }): Promise<BanAnswer> => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const { person } = await requireClaim(ctx, params)
  const parsed = await parseForm(form, request)
  if (!parsed.ok) throw new Response('bad-request', { status: 400 })
  const { intent, reason } = parsed.value
  const input = { userId: person.userId, reason, actorUserId: viewer.userId }
  if (intent === 'unban')
    return {
      done: (await unbanPerson(ctx, input)) ? 'The ban is lifted' : 'This person was not banned',
    }
  const outcome = await banPerson(ctx, input)
  if (outcome.kind === 'refused') return { refused: banRefusals[outcome.reason] }
  return {
    done:
      outcome.kind === 'banned' ? 'Banned; live keys are ending' : 'This person was banned already',
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
      <Section title="Calls to create the key" id="attempts">
        <AttemptTable claim={claim} />
      </Section>
      {mayAct ? (
        <Section title={claim.person.banned ? 'Banned' : 'Ban'} id="ban">
          <BanBox banned={claim.person.banned} answer={answer} />
        </Section>
      ) : null}
      <Section title="Activity" id="trail">
        <Trail claim={claim} />
      </Section>
    </AdminShell>
  )
}
