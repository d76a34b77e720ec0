import { stretched } from '~/stretch'
import { handler } from '~/web/handler.server'
import { getViewer } from '~/web/session.server'
import { readWallFor } from '~/web/wall.server'

/** One poll of a wall, with what this viewer may see of its money. JSON always. */
export const loader = handler(async ({ request, params, ctx, auth, pollStretch }) => {
  const viewer = await getViewer({ request, ctx, auth })
  const wall = await readWallFor(ctx, params.workshop ?? '', viewer)
  return wall
    ? answer({ ...wall, next: stretched(wall.next, pollStretch) }, 200)
    : answer({ problem: 'no-such-workshop' }, 404)
})

const answer = (body: unknown, status: number) =>
  Response.json(body, { status, headers: { 'Cache-Control': 'no-store' } })
