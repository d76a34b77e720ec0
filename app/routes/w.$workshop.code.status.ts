import { requireCode } from '~/web/code.server'
import { handler } from '~/web/handler.server'

/** The code of now. Answers JSON always, so that the page can tell us from a captive portal. */
export const loader = handler(async (args) => {
  try {
    const { view } = await requireCode(args)
    return answer(view, 200)
  } catch (refused) {
    if (refused instanceof Response && refused.status === 404)
      return answer({ problem: 'not-found' }, 404)
    throw refused
  }
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
