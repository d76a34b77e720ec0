import { redirect, type MetaFunction } from '@remix-run/node'
import { useLoaderData, useNavigation, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { DoctorPage } from '~/components/staff/doctor-page'
import { allFindings, readJudgement } from '~/domain/operations/judgement.server'
import { headlineText } from '~/messages/health'
import { readinessHeadline } from '~/messages/readiness'
import { askForReport, readReadinessView } from '~/domain/operations/readiness-report.server'
import { readiness } from '~/domain/operations/workers.server'
import { readDatabaseOffset } from '~/domain/operations/clock-check.server'
import { readinessUrl } from '~/urls'
import { isWorkerSeen } from '~/domain/worker-seen.server'
import { handler } from '~/web/handler.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const [view, ready, judgement, databaseOffset] = await Promise.all([
    readReadinessView(ctx),
    readiness(ctx),
    readJudgement(ctx),
    readDatabaseOffset(ctx),
  ])
  return {
    view,
    title: readinessHeadline(view.latest, allFindings(judgement)),
    present: headlineText(judgement.headline),
    mayAct: viewer.role === 'admin',
    databaseOffset,
    asOf: ctx.now().toISOString(),
    workerSeen: isWorkerSeen(ready.workerSeenSecondsAgo),
  }
})

export const action = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  await askForReport(ctx, viewer.userId)
  return redirect(readinessUrl, 303)
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction = () => [{ title: 'Readiness · Keymint' }]

/** Faster while a check runs. */
const liveEveryMs = { running: 2_000, idle: 10_000 }

export default function Doctor() {
  const data = useLoaderData<typeof loader>()
  const { state } = useNavigation()
  const running = data.view.pending !== null && !data.view.pending.overdue
  return (
    <DoctorPage
      {...data}
      asking={state === 'submitting'}
      everyMs={running ? liveEveryMs.running : liveEveryMs.idle}
    />
  )
}
