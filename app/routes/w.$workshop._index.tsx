import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { Island } from '~/components/base/island'
import { WorkshopPage, type WorkshopPageData } from '~/components/claim/workshop-page'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { handler, notFound } from '~/web/handler.server'
import type { PageHandle } from '~/web/page-handle'
import { getViewer, signInPath } from '~/web/session.server'

export const handle: PageHandle = { island: true }

export const loader = handler(async ({ request, params, ctx, auth }): Promise<WorkshopPageData> => {
  const slug = params.workshop ?? ''
  const [workshop, viewer] = await Promise.all([
    findWorkshopView(ctx, slug),
    getViewer({ request, ctx, auth }),
  ])
  if (!workshop) throw notFound()
  const claim = viewer
    ? await findClaimView(ctx, { workshopSlug: slug, userId: viewer.userId })
    : null
  return {
    slug,
    workshop: 'broken' in workshop ? null : workshop,
    claim: claim && { state: claim.state },
    staff: viewer?.role === 'admin' || viewer?.role === 'viewer',
    signIn: viewer ? null : signInPath({ returnTo: `/w/${slug}` }),
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data?.workshop?.title ?? 'Workshop'} · Keymint` },
]

export default function Workshop() {
  const page = useLoaderData<typeof loader>()
  return (
    <Island name="workshop" data={page}>
      <WorkshopPage page={page} />
    </Island>
  )
}
