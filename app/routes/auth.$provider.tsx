import { redirect } from '@remix-run/node'
import { readBrowser } from '~/web/browser.server'
import { handler } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { startSignIn } from '~/web/sign-in.server'

/** Only a form's POST starts a sign-in: a link or a prefetch must not. */
export const loader = handler(async () => redirect('/sign-in', 303))

export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const browser = await readBrowser({ request, auth })
  const refused = await refuseOverLimit({ request, ctx, ip, browser }, 'sign-in', null, '/sign-in')
  if (refused) return refused
  const fields = await readFields(request)
  return startSignIn({ request, auth, provider: params.provider, returnTo: fields.get('returnTo') })
})
