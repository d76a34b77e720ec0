import { redirect } from '@remix-run/node'
import { handler } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { safeReturnTo, signOut } from '~/web/session.server'

export const loader = handler(async () => redirect('/', 303))

/** Ends at the workshop's page from which one came, or at the start. */
export const action = handler(async ({ request, ctx, auth }) => {
  const fields = await readFields(request)
  const everywhere = fields.get('everywhere') === 'yes'
  const clearCookie = await signOut({ request, ctx, auth }, { everywhere })
  return redirect(safeReturnTo(fields.get('returnTo')), {
    status: 303,
    headers: { 'Set-Cookie': clearCookie },
  })
})
