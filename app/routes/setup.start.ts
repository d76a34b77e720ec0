import { z } from 'zod'
import { terminalMessages } from '~/components/claim/setup-messages'
import { setupTools } from '~/domain/claim/setup-tools'
import { startSetup } from '~/domain/claim/setup.server'
import { setupUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { noStore } from '~/web/setup.server'

export const loader = handler(async () => {
  throw notFound()
})

const formSchema = z.object({ tool: z.enum(setupTools), machine: z.string().max(1_000) })

/** A terminal asks for a code. Nobody is signed in there, so the address is counted. */
export const action = handler(async ({ request, ctx, ip }) => {
  const refused = await refuseOverLimit({ request, ctx, ip }, 'setup-start', null, setupUrl)
  if (refused) return refused
  const form = await parseForm(formSchema, request)
  if (!form.ok) throw badRequest()
  const outcome = await startSetup(ctx, form.value)
  if (outcome.kind === 'refused')
    return Response.json(
      { state: 'over', reason: outcome.reason, message: terminalMessages[outcome.reason] },
      { status: 409, headers: noStore },
    )
  const { device, code, seconds } = outcome
  return Response.json({ device, code, seconds, everySeconds: 3 }, { headers: noStore })
})
