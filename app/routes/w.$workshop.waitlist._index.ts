import { redirect } from '@remix-run/node'
import { leaveLine } from '~/domain/claim/waitlist.server'
import { waitlistUrl, workshopUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) =>
  redirect(workshopUrl(params.workshop ?? ''), 303),
)

/** Leaves the line. Who was let in meanwhile keeps the key, and the page shows it. */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const refused = await refuseOverLimit({ request, ctx, ip }, 'claim', viewer, waitlistUrl(slug))
  if (refused) return refused
  await leaveLine(ctx, { workshopSlug: slug, userId: viewer.userId })
  return redirect(workshopUrl(slug), 303)
})
