import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { AdminShell } from '~/components/admin-shell'
import { AttemptTable, ClaimActions, ClaimFacts, FormerKeys, Trail } from '~/components/claim-detail'
import { Section } from '~/components/page-shell'
import { findClaimDetail } from '~/domain/claim/claim-detail.server'
import { adminActUrl, adminWorkshopUrl } from '~/web/admin-urls'
import { handler, notFound } from '~/web/handler.server'
import { requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const slug = params.workshop ?? ''
  const claimId = params.claim ?? ''
  const claim = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(claimId) ? await findClaimDetail(ctx, slug, claimId) : null
  if (!claim) throw notFound()
  return { claim, mayAct: viewer.role === 'admin' }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [{ title: `${data?.claim.reference ?? ''} ${data?.claim.person.displayName ?? ''} · Admin · Keymint` }]

export default function AdminClaim() {
  const { claim, mayAct } = useLoaderData<typeof loader>()
  return (
    <AdminShell title={claim.person.displayName} back={{ to: adminWorkshopUrl(claim.workshopSlug), label: `Claims of ${claim.workshopSlug}` }} lead={<span className="font-mono">{claim.reference}</span>}>
      {mayAct ? <ClaimActions claim={claim} action={adminActUrl(claim.workshopSlug)} /> : null}
      <div className="mt-6"><ClaimFacts claim={claim} /></div>
      {claim.formerKeys.length > 0 ? <Section title="Former keys" id="former"><FormerKeys claim={claim} /></Section> : null}
      <Section title="Calls to make the key" id="attempts"><AttemptTable claim={claim} /></Section>
      <Section title="Who did what" id="trail"><Trail claim={claim} /></Section>
    </AdminShell>
  )
}
