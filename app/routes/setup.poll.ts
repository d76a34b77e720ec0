import { z } from 'zod'
import { terminalMessages } from '~/components/claim/setup-messages'
import { knownModels } from '~/components/claim/tool-values'
import { takeSetupKey } from '~/domain/claim/setup.server'
import { setupUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { deviceMark, noStore } from '~/web/setup.server'

export const loader = handler(async () => {
  throw notFound()
})

const formSchema = z.object({ device: z.string().regex(/^[\w-]{43}$/) })

/** What a terminal asks until it has the key, which is in the body of one answer and nowhere else. */
export const action = handler(async ({ request, ctx, ip }) => {
  const form = await parseForm(formSchema, request)
  const device = form.ok ? form.value.device : null
  const who = { request, ctx, ip, browser: device && deviceMark(device) }
  const refused = await refuseOverLimit(who, 'setup-poll', null, setupUrl)
  if (refused) return refused
  if (device === null) throw badRequest()
  const outcome = await takeSetupKey(ctx, device)
  switch (outcome.kind) {
    case 'waiting':
      return Response.json({ state: 'waiting' }, { headers: noStore })
    case 'key':
      return Response.json(
        { state: 'key', key: outcome.key, models: knownModels(outcome.models).all },
        { headers: noStore },
      )
    case 'over':
      return Response.json(
        { state: 'over', reason: outcome.reason, message: terminalMessages[outcome.reason] },
        { status: outcome.reason === 'unknown' ? 404 : 409, headers: noStore },
      )
  }
})
