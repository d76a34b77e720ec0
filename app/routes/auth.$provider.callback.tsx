import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { finishSignIn } from '~/web/sign-in.server'

export const loader = handler(async ({ request, params, ctx, auth, requestId, ip }) => {
  const refused = await refuseOverLimit({ request, ctx, ip }, 'sign-in-callback', null, '/sign-in')
  return refused ?? finishSignIn({ request, ctx, auth, requestId, provider: params.provider })
})
