import { findClaimPulse } from '~/domain/claim/claim-pulse.server'
import { stretched } from '~/stretch'
import { handler } from '~/web/handler.server'
import { getViewer } from '~/web/session.server'

/** One poll. Answers JSON always, so that the page can tell us from a captive portal. */
export const loader = handler(async ({ request, params, ctx, auth, pollStretch }) => {
  const viewer = await getViewer({ request, ctx, auth })
  if (!viewer) return answer({ problem: 'signed-out' }, 401)
  const pulse = await findClaimPulse(ctx, {
    workshopSlug: params.workshop ?? '',
    userId: viewer.userId,
  })
  if (!pulse) return answer({ problem: 'no-claim' }, 404)
  const next = pulse.next === null ? null : stretched(pulse.next, pollStretch)
  return answer({ ...pulse, next }, 200)
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
