/** What a link to a page shows in chats and on slides. */
import type { MetaDescriptor } from '@remix-run/node'

const maxDescription = 200

export function socialMeta(page: {
  title: string
  description: string
  /** The site's origin, so that addresses are whole; previews take no others. */
  origin: string
  path: string
}): MetaDescriptor[] {
  const { title, origin, path } = page
  const description =
    page.description.length > maxDescription
      ? `${page.description.slice(0, maxDescription - 1).trimEnd()}…`
      : page.description
  return [
    { name: 'description', content: description },
    { property: 'og:type', content: 'website' },
    { property: 'og:site_name', content: 'Keymint' },
    { property: 'og:title', content: title },
    { property: 'og:description', content: description },
    { property: 'og:url', content: `${origin}${path}` },
    { property: 'og:image', content: `${origin}/preview.png` },
    { property: 'og:image:width', content: '1200' },
    { property: 'og:image:height', content: '630' },
    { name: 'twitter:card', content: 'summary_large_image' },
  ]
}
