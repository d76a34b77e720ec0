import type { LinksFunction, MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { Island } from '~/components/base/island'
import { WallPage, type WallPageData } from '~/components/claim/wall-page'
import styles from '~/styles/wall.css?url'
import { workshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import type { PageHandle } from '~/web/page-handle'
import { getViewer } from '~/web/session.server'
import { qrCodeOf, readWallFor } from '~/web/wall.server'

export const handle: PageHandle = { island: true, bare: true }

/** Phones need none of it, so it is a sheet of its own. */
export const links: LinksFunction = () => [{ rel: 'stylesheet', href: styles }]

/** Whoever may see the workshop's page may see its wall. */
export const loader = handler(async ({ request, params, ctx, auth }): Promise<WallPageData> => {
  const slug = params.workshop ?? ''
  const viewer = await getViewer({ request, ctx, auth })
  const wall = await readWallFor(ctx, slug, viewer)
  if (!wall) throw notFound()
  const address = ctx.deployment.appOrigin + workshopUrl(slug)
  return { wall, address: address.replace(/^https?:\/\//, ''), code: qrCodeOf(address) }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Live: ${data?.wall.title ?? 'Workshop'} · Keymint` },
]

export default function LiveWall() {
  const page = useLoaderData<typeof loader>()
  return (
    <Island name="wall" data={page}>
      <WallPage page={page} />
    </Island>
  )
}
