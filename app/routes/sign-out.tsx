import { redirect } from '@remix-run/node'
import { handler } from '~/web/handler.server'
import { signOut } from '~/web/session.server'

export const loader = handler(async () => redirect('/', 303))

export const action = handler(async ({ request, ctx, auth }) => {
  const form = await request.formData()
  const forget = await signOut(
    { request, ctx, auth },
    { everywhere: form.get('everywhere') === 'yes' },
  )
  return redirect('/', { status: 303, headers: { 'Set-Cookie': forget } })
})
