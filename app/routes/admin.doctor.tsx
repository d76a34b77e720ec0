import { redirect, type MetaFunction } from '@remix-run/node'
import { useLoaderData, useNavigation } from '@remix-run/react'
import { useLive } from '~/client/use-live'
import { DoctorPage } from '~/components/staff/doctor-page'
import { askForReport, readReadinessView } from '~/domain/operations/readiness-report.server'
import { readiness } from '~/domain/operations/workers.server'
import { readinessUrl } from '~/urls'
import { isWorkerSeen } from '~/domain/worker-seen.server'
import { handler } from '~/web/handler.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const [view, ready] = await Promise.all([readReadinessView(ctx), readiness(ctx)])
  return {
    view,
    mayAct: viewer.role === 'admin',
    asOf: ctx.now().toISOString(),
    workerSeen: isWorkerSeen(ready.workerSeenSecondsAgo),
  }
})

export const action = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  await askForReport(ctx, viewer.userId)
  return redirect(readinessUrl, 303)
})

export const meta: MetaFunction = () => [{ title: 'Readiness · Keymint' }]

const liveEveryMs = 2_000

export default function Doctor() {
  const data = useLoaderData<typeof loader>()
  const { state } = useNavigation()
  const running = data.view.pending !== null && !data.view.pending.overdue
  useLive({ loadedAt: data.asOf, everyMs: running ? liveEveryMs : null })
  return <DoctorPage {...data} asking={state === 'submitting'} />
}
