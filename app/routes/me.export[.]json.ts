import { exportPerson } from '~/domain/people/export.server'
import { download } from '~/web/download.server'
import { handler } from '~/web/handler.server'
import { meUrl } from '~/urls'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

/** Everything stored about the signed-in person, as a file. */
export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireViewer({ request, ctx, auth })
  const refused = await refuseOverLimit({ request, ctx }, 'export', viewer, meUrl())
  if (refused) return refused
  return download({
    name: `keymint-${ctx.now().toISOString().slice(0, 10)}.json`,
    type: 'application/json; charset=utf-8',
    body: await exportPerson(ctx, viewer.userId),
  })
})
