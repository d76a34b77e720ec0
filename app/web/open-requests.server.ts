/** How many requests for a higher limit wait, by workshop, for the navigation of those who decide. */
import { countOpenRequests } from '~/domain/claim/limit-requests.server'
import type { Ctx } from '~/domain/ctx'
import { isOrganizer, type Viewer } from '~/domain/people/session.server'

export type OpenRequests = { slug: string; title: string; count: number }[]

/** Only workshops whose file takes requests are asked about; without one this reads nothing. */
export async function readOpenRequests(
  ctx: Pick<Ctx, 'db' | 'now' | 'workshops'>,
  viewer: Viewer,
): Promise<OpenRequests> {
  const files = [...ctx.workshops.workshops.values()].filter(
    (file) => file.askForMore && (viewer.role !== 'attendee' || isOrganizer(file, viewer)),
  )
  const counts = await countOpenRequests(
    ctx,
    files.map(({ slug }) => slug),
  )
  return files.flatMap(({ slug, title }) => {
    const count = counts.get(slug) ?? 0
    return count > 0 ? [{ slug, title, count }] : []
  })
}
