import { redirect } from '@remix-run/node'
import { keepKey } from '~/domain/claim/release-unused.server'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

/** Keeps a key that nobody has used yet, so that its seat does not go to the waitlist. */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const refused = await refuseOverLimit({ request, ctx, ip }, 'claim', viewer, claimUrl(slug))
  if (refused) return refused
  await keepKey(ctx, { workshopSlug: slug, userId: viewer.userId })
  return redirect(claimUrl(slug), 303)
})
