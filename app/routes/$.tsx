import type { MetaFunction } from '@remix-run/node'
import { handler, notFound } from '~/web/handler.server'

/** The document's own title, for readers and bookmarks; the page is the root's error page. */
export const meta: MetaFunction = () => [{ title: 'Page not found · Keymint' }]

export const loader = handler(async () => {
  throw notFound()
})

export const action = loader

export default function NothingHere() {
  return null
}
