import { readClaimPage } from '~/web/claim-page.server'
import { handler } from '~/web/handler.server'
import { getViewer } from '~/web/session.server'

/** The claim page's data anew, when a poll has said that there is something new. */
export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await getViewer({ request, ctx, auth })
  if (!viewer) return answer({ problem: 'signed-out' }, 401)
  const page = await readClaimPage(ctx, {
    slug: params.workshop ?? '',
    viewer,
    refused: null,
    auto: false,
  })
  return page.claim ? answer(page, 200) : answer({ problem: 'no-claim' }, 404)
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
