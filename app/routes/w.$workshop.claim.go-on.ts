import { redirect } from '@remix-run/node'
import { z } from 'zod'
import { goOn } from '~/domain/claim/runaway.server'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

const form = z.object({ hold: z.uuid('no-such-hold') })

/** Lets a key go on that is on hold. Whatever has become of it meanwhile, its page says. */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const refused = await refuseOverLimit({ request, ctx, ip }, 'claim', viewer, claimUrl(slug))
  if (refused) return refused
  const read = await parseForm(form, request)
  if (read.ok) await goOn(ctx, { workshopSlug: slug, userId: viewer.userId }, read.value.hold)
  return redirect(claimUrl(slug), 303)
})
