import { readOwnPlace } from '~/domain/claim/waitlist.server'
import { stretched } from '~/stretch'
import { handler } from '~/web/handler.server'
import { getViewer } from '~/web/session.server'

/** One's place in line. Answers JSON always, so that the page can tell us from a captive portal. */
export const loader = handler(async ({ request, params, ctx, auth, pollStretch }) => {
  const viewer = await getViewer({ request, ctx, auth })
  if (!viewer) return answer({ problem: 'signed-out' }, 401)
  const place = await readOwnPlace(ctx, {
    workshopSlug: params.workshop ?? '',
    userId: viewer.userId,
  })
  if (!place) return answer({ problem: 'not-in-line' }, 404)
  const waiting = place.state === 'waiting'
  return answer(
    {
      state: place.state,
      position: waiting ? place.position : null,
      next: waiting ? stretched(8_000, pollStretch) : null,
    },
    200,
  )
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
