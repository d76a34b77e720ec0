import type { MetaFunction } from '@remix-run/node'
import {
  useActionData,
  useLoaderData,
  useNavigation,
  type ClientLoaderFunctionArgs,
} from '@remix-run/react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { Callout } from '~/components/base/callout'
import { AdminShell } from '~/components/staff/admin-shell'
import { LiveBar } from '~/components/staff/live-line'
import { pauseMessages, runNowMessages } from '~/components/staff/queue/schedule-messages'
import {
  PausedBanner,
  PauseQuestion,
  QueueList,
  RunQuestion,
  ScheduleTable,
  type SchedulesAnswer,
} from '~/components/staff/queue/schedules-page'
import type { Ctx } from '~/domain/ctx'
import { isQueue, pauseQueue, resumeQueue } from '~/domain/operations/paused-queues.server'
import { isScheduled, runNow } from '~/domain/staff/queue/run-now.server'
import { readSchedulesPage } from '~/domain/staff/queue/schedules.server'
import { jobLabel } from '~/messages/jobs'
import { cut } from '~/text'
import { queueUrl } from '~/urls'
import { badRequest, handler } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireAdmin, requireStaff } from '~/web/session.server'
import { sparkline } from '~/web/sparklines.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const { searchParams } = new URL(request.url)
  const page = await readSchedulesPage(ctx)
  const mayAct = viewer.role === 'admin'
  return {
    schedules: page.schedules,
    queues: page.queues.map(({ hour, ...queue }) => ({ ...queue, drawn: sparkline(hour) })),
    asOf: page.asOf,
    mayAct,
    run: mayAct ? searchParams.get('run') : null,
    pause: mayAct ? searchParams.get('pause') : null,
  }
})

const form = z.object({
  do: z.enum(['run', 'pause', 'resume']),
  name: z.string(),
  reason: z
    .string()
    .trim()
    .transform((reason) => cut(reason, 300)),
  typed: z.string(),
})

const minReason = 3

export const action = handler(async ({ request, ctx, auth }): Promise<SchedulesAnswer> => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const parsed = await parseForm(form, request)
  if (!parsed.ok) throw badRequest()
  const { do: verb, name } = parsed.value
  if (verb === 'run') {
    if (!isScheduled(name)) throw badRequest()
    await requireWithinLimit({ request, ctx }, 'run-now', viewer)
    const outcome = await runNow(ctx, { name, actorUserId: viewer.userId })
    return answered(outcome === 'starts' ? 'ok' : 'plain', runNowMessages[outcome](name))
  }
  return verb === 'pause'
    ? pause(ctx, viewer.userId, parsed.value)
    : resume(ctx, viewer.userId, name)
})

async function pause(
  ctx: Ctx,
  actorUserId: string,
  { name, reason, typed }: z.output<typeof form>,
): Promise<SchedulesAnswer> {
  if (!isQueue(name)) throw badRequest()
  if (reason.length < minReason)
    return {
      kind: 'problem',
      field: 'reason',
      message: 'Enter a reason of at least three letters.',
      reason,
    }
  const outcome = await pauseQueue(ctx, { name, actorUserId, reason, typed })
  if (outcome === 'name-not-typed')
    return { kind: 'problem', field: 'typed', message: `Type ${name} exactly.`, reason }
  return answered('warning', pauseMessages[outcome](name))
}

async function resume(ctx: Ctx, actorUserId: string, name: string): Promise<SchedulesAnswer> {
  if (!isQueue(name)) throw badRequest()
  return (await resumeQueue(ctx, { name, actorUserId }))
    ? answered('ok', `“${jobLabel(name)}” is resumed. Its jobs continue within two seconds.`)
    : answered('plain', `“${jobLabel(name)}” was not paused.`)
}

const answered = (tone: 'ok' | 'plain' | 'warning', message: string): SchedulesAnswer => ({
  kind: 'said',
  tone,
  message,
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction = () => [{ title: 'Schedules · Keymint' }]

export default function AdminSchedules() {
  const { schedules, queues, asOf, mayAct, run, pause: pauseName } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const navigation = useNavigation()
  const busy = navigation.state !== 'idle' && navigation.formMethod === 'POST'
  const done = answer?.kind === 'said'
  const asked = done ? undefined : queues.find(({ name }) => name === pauseName)
  const running = done ? undefined : schedules.find(({ name }) => name === run)
  const paused = queues.flatMap((queue) => queue.paused ?? [])
  return (
    <AdminShell
      title="What runs by itself"
      back={{ to: queueUrl, label: 'Queue' }}
      lead="Every schedule with its last run and its next one, and every queue with its last hour."
    >
      <div className="mt-3">
        <LiveBar asOf={asOf} everyMs={10_000} />
      </div>
      <div className="mt-3 space-y-3">
        <div role="status">
          {answer?.kind === 'said' ? <Callout tone={answer.tone} title={answer.message} /> : null}
        </div>
        {running ? <RunQuestion name={running.name} busy={busy} /> : null}
        {asked && !asked.paused ? (
          <PauseQuestion
            queue={asked}
            busy={busy}
            problem={answer?.kind === 'problem' ? answer : null}
          />
        ) : null}
        <PausedBanner queues={paused} resumeHref={null} asOf={asOf} />
      </div>
      <section aria-labelledby="schedules" className="mt-6">
        <h2 id="schedules" className="mb-3 text-head">
          Schedules
        </h2>
        <ScheduleTable schedules={schedules} mayAct={mayAct} asOf={asOf} />
      </section>
      <QueueList queues={queues} mayAct={mayAct} asOf={asOf} />
    </AdminShell>
  )
}
