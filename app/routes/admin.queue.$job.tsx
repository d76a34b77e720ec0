import type { MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData, useNavigation } from '@remix-run/react'
import { useState } from 'react'
import { useLive } from '~/client/use-live'
import { keepLastAnswer } from '~/client/keep-last-answer'
import type { ClientLoaderFunctionArgs } from '@remix-run/react'
import { AdminShell } from '~/components/staff/admin-shell'
import { Button } from '~/components/base/button'
import { Section } from '~/components/base/page-shell'
import { AnswerPlace } from '~/components/staff/queue/action-answer'
import { JobFacts } from '~/components/staff/queue/job-facts'
import { stateLabels, subjectLabel } from '~/components/staff/queue/job-messages'
import { jobLabel } from '~/messages/jobs'
import { LiveLine } from '~/components/staff/live-line'
import { ProviderCalls, RunTimeline } from '~/components/staff/queue/run-timeline'
import { jobUrl, queueUrl } from '~/urls'
import { readJobPage } from '~/domain/staff/queue/queue-page.server'
import { handler, notFound } from '~/web/handler.server'
import { answerQueueForm } from '~/web/queue-actions.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const page = await readJobPage(ctx, params.job ?? '')
  if (!page) throw notFound()
  return { ...page, mayAct: viewer.role === 'admin' }
})

export const action = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  if (!(await readJobPage(ctx, params.job ?? ''))) throw notFound()
  return answerQueueForm(ctx, viewer.userId, request)
})

export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  {
    title: `${data ? `${jobLabel(data.job.name)} (${stateLabels[data.job.state]})` : 'Job'} · Keymint`,
  },
]

export default function AdminJob() {
  const { job, runs, calls, mayAct, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const navigation = useNavigation()
  const [live, setLive] = useState(true)
  const status = useLive({ loadedAt: asOf, everyMs: 5_000, on: live, held: answer?.kind === 'ask' })
  const asked = navigation.state === 'idle' ? null : navigation.formData?.get('do')
  const busy = typeof asked === 'string' ? asked : null
  const verb = job.state === 'waiting' || job.state === 'retrying' ? 'Run now' : 'Retry'
  return (
    <AdminShell
      title={jobLabel(job.name)}
      back={{ to: queueUrl, label: 'Queue' }}
      lead={`For ${subjectLabel(job)}${job.claim ? ` in ${job.claim.workshop}` : ''}: ${stateLabels[job.state]}.`}
    >
      <div className="mt-3">
        <LiveLine
          live={status}
          asOf={asOf}
          refreshHref={jobUrl(job.id)}
          onToggle={() => setLive(!live)}
        />
      </div>
      <div className="mt-3">
        <AnswerPlace answer={answer} about="jobs" busy={busy} backHref={jobUrl(job.id)} />
      </div>
      {mayAct && (job.can.retry || job.can.cancel || job.can.redrive) ? (
        <Form method="post" className="mt-4 flex flex-wrap items-center gap-2">
          {job.can.retry ? (
            <Button
              type="submit"
              name="do"
              value={`retry:${job.id}`}
              kind="ink"
              busy={busy === `retry:${job.id}`}
            >
              {verb}
            </Button>
          ) : null}
          {job.can.redrive ? (
            <Button
              type="submit"
              name="do"
              value={`redrive:${job.id}`}
              kind="ink"
              busy={busy === `redrive:${job.id}`}
            >
              Send back to its queue
            </Button>
          ) : null}
          {job.can.cancel ? (
            <Button
              type="submit"
              name="do"
              value={`ask-cancel:${job.id}`}
              busy={busy === `ask-cancel:${job.id}`}
            >
              Cancel…
            </Button>
          ) : null}
        </Form>
      ) : null}
      <JobFacts job={job} asOf={asOf} />
      <Section title="Runs" id="runs">
        <RunTimeline job={job} runs={runs} asOf={asOf} />
      </Section>
      {calls.length > 0 ? (
        <Section title="Calls to the provider" id="calls">
          <ProviderCalls calls={calls} asOf={asOf} />
        </Section>
      ) : null}
    </AdminShell>
  )
}
