import { redirect, type MetaDescriptor, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Island } from '~/components/base/island'
import { ClaimPage } from '~/components/claim/claim-page'
import { isRefusedReason, notTakenMessage } from '~/components/claim/claim-messages'
import { isCodeRefusal } from '~/components/claim/code-refusals'
import { documentTitle } from '~/components/claim/claim-phase'
import { claimKey } from '~/domain/claim/claim.server'
import { readClaimPage } from '~/web/claim-page.server'
import { claimUrl, workshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import type { PageHandle } from '~/web/page-handle'
import { parseForm } from '~/web/parse-form.server'
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

/** The box of the claim form, which is unticked for anything else, and the workshop's code. */
const claimForm = z.object({
  optIn: z.string().transform((text) => text === 'yes'),
  code: z.string().transform((text) => text.slice(0, 100)),
})

export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  await requireWithinLimit({ request, ctx, ip }, 'claim', viewer)
  const form = await parseForm(claimForm, request)
  const { optIn, code } = form.ok ? form.value : { optIn: false, code: '' }
  const outcome = await claimKey(ctx, { workshopSlug: slug, person: viewer, optIn, code })
  // Beside the field, where it can be typed again.
  if (outcome.kind === 'refused' && isCodeRefusal(outcome.reason))
    return redirect(`${workshopUrl(slug)}?refused=${outcome.reason}`, 303)
  if (outcome.kind === 'waiting') return redirect(workshopUrl(slug), 303)
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
    : `${refused ? notTakenMessage(refused, workshop).title : 'Your key'} · Keymint`
  const refresh: MetaDescriptor[] =
    autoSeconds === null ? [] : [{ httpEquiv: 'refresh', content: String(autoSeconds) }]
  return [{ title }, ...refresh]
}

export default function Claim() {
  const page = useLoaderData<typeof loader>()
  return (
    <Island name="claim" data={page}>
      <ClaimPage page={page} />
    </Island>
  )
}
