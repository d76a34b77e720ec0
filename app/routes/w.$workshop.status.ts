import { handler } from '~/web/handler.server'
import { readWorkshopPulse } from '~/web/workshop-pulse.server'

/** One poll of a workshop's page: seats, pause and times, the same for everybody. JSON always. */
export const loader = handler(async ({ params, ctx }) => {
  const pulse = await readWorkshopPulse(ctx, params.workshop ?? '')
  return pulse ? answer(pulse, 200) : answer({ problem: 'no-such-workshop' }, 404)
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
