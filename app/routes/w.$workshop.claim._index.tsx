import { redirect, type MetaDescriptor, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { ClaimIsland } from '~/components/claim/claim-island'
import { documentTitle, isRefusedReason, refusedWords } from '~/components/claim/claim-words'
import { claimKey } from '~/domain/claim/claim.server'
import { readClaimPage } from '~/web/claim-page.server'
import { claimUrl, workshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import type { PageHandle } from '~/web/page-handle'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const handle: PageHandle = { island: true }

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const query = new URL(request.url).searchParams
  const code = query.get('refused')
  const page = await readClaimPage(ctx, {
    slug,
    viewer,
    refused: isRefusedReason(code) ? code : null,
    auto: query.get('auto') === '10',
  })
  if (page.claim || page.refused) return page
  if (page.workshop) return redirect(workshopUrl(slug), 303)
  throw notFound()
})

export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  await requireWithinLimit({ request, ctx, ip }, 'claim', viewer)
  const form = await request.formData()
  const outcome = await claimKey(ctx, {
    workshopSlug: slug,
    person: viewer,
    optIn: form.get('optIn') === 'yes',
  })
  return redirect(
    outcome.kind === 'refused' ? `${claimUrl(slug)}?refused=${outcome.reason}` : claimUrl(slug),
    303,
  )
})

export const meta: MetaFunction<typeof loader> = ({ data }) => {
  if (!data) return [{ title: 'Your key · Keymint' }]
  const { claim, refused, workshop, autoSeconds } = data
  const title = claim
    ? documentTitle(claim, workshop?.title ?? claim.workshopSlug)
    : `${refused ? refusedWords[refused].title : 'Your key'} · Keymint`
  const refresh: MetaDescriptor[] =
    autoSeconds === null ? [] : [{ httpEquiv: 'refresh', content: String(autoSeconds) }]
  return [{ title }, ...refresh]
}

export default function Claim() {
  return <ClaimIsland page={useLoaderData<typeof loader>()} />
}
