import type { HeadersFunction, MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { RoomCode } from '~/components/claim/room-code'
import { codeStatusUrl, workshopUrl } from '~/urls'
import { requireCode } from '~/web/code.server'
import { handler } from '~/web/handler.server'

export const loader = handler(async (args) => {
  const { workshop, view, link } = await requireCode(args)
  const { slug, title } = workshop
  return {
    title,
    view,
    statusUrl: codeStatusUrl(slug, link ?? undefined),
    address: `${args.ctx.deployment.appOrigin}${workshopUrl(slug)}`,
  }
})

export const headers: HeadersFunction = () => ({
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Code · ${data?.title ?? ''} · Keymint` },
  { name: 'robots', content: 'noindex' },
]

export default function Code() {
  const { title, view, statusUrl, address } = useLoaderData<typeof loader>()
  return (
    <main
      id="main"
      tabIndex={-1}
      className="mx-auto flex w-full max-w-wide flex-col gap-10 px-5 py-10 text-center outline-none"
    >
      <h1 className="text-title">{title}</h1>
      <RoomCode loaded={view} statusUrl={statusUrl} />
      <p className="text-lead [overflow-wrap:anywhere]">
        Type this code when you claim your key at{' '}
        <strong>{address.replace(/^https?:\/\//, '')}</strong>
      </p>
    </main>
  )
}
