import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { Island } from '~/components/base/island'
import { socialMeta } from '~/components/base/social-meta'
import { isCodeRefusal } from '~/components/claim/code-refusals'
import { budgetLabel } from '~/components/claim/workshop-facts'
import { WorkshopPage, type WorkshopPageData } from '~/components/claim/workshop-page'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { readOwnPlace } from '~/domain/claim/waitlist.server'
import { pulseOf } from '~/domain/workshop/pulse'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { workshopUrl } from '~/urls'
import { accountOf, readObstacle } from '~/web/account.server'
import { handler, notFound } from '~/web/handler.server'
import type { PageHandle } from '~/web/page-handle'
import { getViewer } from '~/web/session.server'

export const handle: PageHandle = { island: true }

export const loader = handler(async ({ request, params, ctx, auth }): Promise<WorkshopPageData> => {
  const slug = params.workshop ?? ''
  const [workshop, viewer] = await Promise.all([
    findWorkshopView(ctx, slug),
    getViewer({ request, ctx, auth }),
  ])
  if (!workshop) throw notFound()
  const [claim, { obstacle, access }, place] = viewer
    ? await Promise.all([
        findClaimView(ctx, { workshopSlug: slug, userId: viewer.userId }),
        readObstacle(ctx, slug, viewer),
        readOwnPlace(ctx, { workshopSlug: slug, userId: viewer.userId }),
      ])
    : [null, { obstacle: null, access: null }, null]
  const refused = new URL(request.url).searchParams.get('refused')
  return {
    slug,
    shown: 'broken' in workshop ? null : { workshop, pulse: pulseOf(workshop) },
    claim: claim && { state: claim.state },
    staff: viewer?.role === 'admin' || viewer?.role === 'viewer',
    origin: ctx.deployment.appOrigin,
    account: viewer && accountOf(viewer),
    obstacle: claim ? null : obstacle,
    access,
    place: place?.state === 'let-in' ? null : place,
    codeRefused: isCodeRefusal(refused) ? refused : null,
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => {
  const workshop = data?.shown?.workshop
  if (!workshop) return [{ title: 'Workshop · Keymint' }]
  return [
    { title: `${workshop.title} · Keymint` },
    ...(workshop.listed ? [] : [{ name: 'robots', content: 'noindex, nofollow' }]),
    ...socialMeta({
      title: workshop.title,
      description:
        workshop.description ??
        `Claim your own AI key: ${budgetLabel(workshop)}, ready within seconds.`,
      origin: data.origin,
      path: workshopUrl(workshop.slug),
    }),
  ]
}

export default function Workshop() {
  const page = useLoaderData<typeof loader>()
  return (
    <Island name="workshop" data={page}>
      <WorkshopPage page={page} />
    </Island>
  )
}
