/** Who may see a workshop's code: its staff, and whoever has a link that works. */
import { isCodeLink } from '~/domain/claim/code-links.server'
import { codeViewAt, type CodeView } from '~/domain/claim/workshop-code'
import { engineNow } from '~/domain/keys/key-store.server'
import type { Workshop } from '~/domain/workshop-file'
import { notFound, type HandlerArgs } from './handler.server'
import { getViewer, requireWorkshopStaff } from './session.server'

/** The code of now, or a 404. `link` is the token that opened the page, null for staff. */
export async function requireCode({
  request,
  params,
  ctx,
  auth,
}: HandlerArgs): Promise<{ workshop: Workshop; view: CodeView; link: string | null }> {
  const slug = params.workshop ?? ''
  const workshop = ctx.workshops.workshops.get(slug)
  const token = new URL(request.url).searchParams.get('link')
  const link = token !== null && (await isCodeLink(ctx, slug, token)) ? token : null
  // A screen with a link that was revoked is not sent to a sign-in: nobody stands before it.
  if (token !== null && link === null && !(await getViewer({ request, ctx, auth })))
    throw notFound()
  if (link === null) await requireWorkshopStaff({ request, ctx, auth, slug })
  if (!workshop || workshop.roomCode === null) throw notFound()
  return { workshop, view: codeViewAt(ctx, slug, await engineNow(ctx.db)), link }
}
