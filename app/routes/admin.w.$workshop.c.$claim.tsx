import type { MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AdminShell } from '~/components/staff/admin-shell'
import { BanBox, type BanAnswer } from '~/components/staff/ban-box'
import {
  AttemptTable,
  ClaimActions,
  ClaimFacts,
  FormerKeys,
  Trail,
} from '~/components/staff/claim-detail'
import { LiveBar } from '~/components/staff/live-line'
import { EventZoneProvider } from '~/components/base/time'
import { Section } from '~/components/base/page-shell'
import { banRefusals } from '~/components/staff/ban-messages'
import { banPerson, unbanPerson } from '~/domain/people/ban.server'
import { findClaimDetail } from '~/domain/staff/claim-detail.server'
import type { Ctx } from '~/domain/ctx'
import { adminActUrl, adminWorkshopUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { parseForm, uuid } from '~/web/parse-form.server'
import { requireAdmin, requireWorkshopStaff } from '~/web/session.server'

async function requireClaim(ctx: Ctx, params: Record<string, string | undefined>) {
  const claimId = params.claim ?? ''
  const claim = uuid.safeParse(claimId).success
    ? await findClaimDetail(ctx, params.workshop ?? '', claimId)
    : null
  if (!claim) throw notFound()
  return claim
}

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const { viewer, mayAct } = await requireWorkshopStaff({
    request,
    ctx,
    auth,
    slug: params.workshop ?? '',
  })
  const claim = await requireClaim(ctx, params)
  return {
    claim,
    zone: ctx.workshops.workshops.get(claim.workshopSlug)?.timezone ?? 'UTC',
    mayAct,
    // A ban holds in every workshop: that is for admins.
    mayBan: viewer.role === 'admin',
  }
})

const form = z.object({ intent: z.enum(['ban', 'unban']), reason: z.string().trim() })

export const action = handler(async ({ request, params, ctx, auth }): Promise<BanAnswer> => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const { person } = await requireClaim(ctx, params)
  const parsed = await parseForm(form, request)
  if (!parsed.ok) throw badRequest()
  const { intent, reason } = parsed.value
  const input = { userId: person.userId, reason, actorUserId: viewer.userId }
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

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  {
    title: `${data?.claim.reference ?? ''} ${data?.claim.person.displayName ?? ''} · Admin · Keymint`,
  },
]

export default function AdminClaim() {
  const { claim, zone, mayAct, mayBan } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>() ?? null
  return (
    <EventZoneProvider value={zone}>
      <AdminShell
        title={claim.person.displayName}
        back={{
          to: adminWorkshopUrl(claim.workshopSlug),
          label: `Claims of ${claim.workshopSlug}`,
        }}
        lead={<span className="font-mono">{claim.reference}</span>}
      >
        <div className="mt-3">
          <LiveBar asOf={claim.asOf} />
        </div>
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
        {mayBan ? (
          <Section title={claim.person.banned ? 'Banned' : 'Ban'} id="ban">
            <BanBox banned={claim.person.banned} answer={answer} />
          </Section>
        ) : null}
        <Section title="Activity" id="trail">
          <Trail claim={claim} />
        </Section>
      </AdminShell>
    </EventZoneProvider>
  )
}
