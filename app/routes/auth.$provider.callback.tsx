import { handler } from '~/web/handler.server'
import { finishSignIn } from '~/web/sign-in.server'

export const loader = handler(async ({ request, params, ctx, auth, requestId }) => finishSignIn({ request, ctx, auth, requestId, provider: params.provider }))
