import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { findAttempt, finishSignIn } from '~/web/sign-in.server'

export const loader = handler(async ({ request, params, ctx, auth, requestId, ip }) => {
  // Who comes back to an attempt that we began counts by it, and not by the address of others.
  const browser = await findAttempt({ request, auth })
  const refused = await refuseOverLimit(
    { request, ctx, ip, browser },
    'sign-in-callback',
    null,
    '/sign-in',
  )
  return refused ?? finishSignIn({ request, ctx, auth, requestId, provider: params.provider })
})
