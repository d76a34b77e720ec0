import { redirect, type MetaFunction } from '@remix-run/node'
import { useLoaderData, useNavigation, useRevalidator } from '@remix-run/react'
import { useEffect } from 'react'
import { DoctorPage } from '~/components/staff/doctor-page'
import { askForReport, readReadinessView } from '~/domain/operations/readiness-report.server'
import { readiness } from '~/domain/operations/workers.server'
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
  return redirect('/admin/doctor', 303)
})

export const meta: MetaFunction = () => [{ title: 'Readiness · Keymint' }]

const lookAgainMs = 2_000

export default function Doctor() {
  const data = useLoaderData<typeof loader>()
  const { state } = useNavigation()
  const { revalidate } = useRevalidator()
  const running = data.view.pending !== null && !data.view.pending.overdue
  useEffect(() => {
    if (!running) return
    const timer = setInterval(() => {
      if (!document.hidden) revalidate()
    }, lookAgainMs)
    return () => clearInterval(timer)
  }, [running, revalidate])
  return <DoctorPage {...data} asking={state === 'submitting'} />
}
