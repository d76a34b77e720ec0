import { readOwnAccess } from '~/domain/claim/access.server'
import { stretched } from '~/stretch'
import { handler } from '~/web/handler.server'
import { getViewer } from '~/web/session.server'

/** What became of one's request. Answers JSON always, so that the page can tell us from a captive portal. */
export const loader = handler(async ({ request, params, ctx, auth, pollStretch }) => {
  const viewer = await getViewer({ request, ctx, auth })
  if (!viewer) return answer({ problem: 'signed-out' }, 401)
  const access = await readOwnAccess(ctx, params.workshop ?? '', viewer)
  if (!access) return answer({ problem: 'nothing-to-ask' }, 404)
  // Let in by login or address, nobody has decided about the request itself.
  const state = access.refusedFor === null ? 'granted' : (access.request?.state ?? 'none')
  const next = state === 'open' ? stretched(5_000, pollStretch) : null
  return answer({ state, next }, 200)
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
