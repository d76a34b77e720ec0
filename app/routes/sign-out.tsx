import { redirect } from '@remix-run/node'
import { z } from 'zod'
import { handler } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { signOut } from '~/web/session.server'

export const loader = handler(async () => redirect('/', 303))

const formSchema = z.object({ everywhere: z.literal('yes') })

export const action = handler(async ({ request, ctx, auth }) => {
  const { ok: everywhere } = await parseForm(formSchema, request)
  const clearCookie = await signOut({ request, ctx, auth }, { everywhere })
  return redirect('/', { status: 303, headers: { 'Set-Cookie': clearCookie } })
})
