import type { MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { useState } from 'react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AdminAlerts } from '~/components/staff/admin-alerts'
import { LiveBar } from '~/components/staff/live-line'
import { AdminShell } from '~/components/staff/admin-shell'
import { Callout } from '~/components/base/callout'
import { ReconcilePage } from '~/components/staff/reconcile-page'
import { driftKinds } from '~/domain/keys/drift'
import { readReconcileView } from '~/domain/staff/reconcile-page.server'
import {
  askForCheck,
  askForFix,
  type FixAsked,
  type FixSelection,
} from '~/domain/keys/reconcile-runs.server'
import { readJudgement } from '~/domain/operations/judgement.server'
import type { Tone } from '~/tone'
import { badRequest, handler } from '~/web/handler.server'
import { parseForm, uuid } from '~/web/parse-form.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const [view, { banners }] = await Promise.all([readReconcileView(ctx), readJudgement(ctx)])
  return {
    view,
    alerts: banners.filter((one) => one.code !== 'drift'),
    mayAct: viewer.role === 'admin',
  }
})

const form = z.object({
  intent: z.enum(['check', 'repair-all', 'repair-kind', 'repair-one']),
  checkId: z.union([uuid, z.literal('')]),
  id: z.string(),
  kind: z.union([z.enum(driftKinds), z.literal('')]),
})

export const action = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const parsed = await parseForm(form, request)
  if (!parsed.ok) throw badRequest()
  const actor = `user:${viewer.userId}` as const
  const { intent, checkId } = parsed.value
  if (intent === 'check')
    return { kind: 'check' as const, outcome: (await askForCheck(ctx, actor)).kind }
  const select = selectionOf(parsed.value)
  if (!select || checkId === '') throw badRequest()
  const { kind: outcome } = await askForFix(ctx, { actor, checkId, select })
  return { kind: 'repair' as const, outcome }
})

function selectionOf({ intent, id, kind }: z.output<typeof form>): FixSelection | null {
  if (intent === 'repair-all') return 'all'
  if (intent === 'repair-kind') return kind === '' ? null : { kind }
  return id === '' ? null : { ids: [id] }
}

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction = () => [{ title: 'Reconcile · Keymint' }]

/** Faster while a check or a repair runs. */
const liveEveryMs = { running: 2_000, idle: 10_000 }

export default function AdminReconcile() {
  const { view, alerts, mayAct } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>() ?? null
  // An update of the page drops the answer, and what was started is still to be read.
  const [kept, setKept] = useState(answer)
  if (answer !== null && answer !== kept) setKept(answer)
  const done = answer ?? kept
  return (
    <AdminShell
      title="Reconcile"
      lead="The provider’s keys compared with our rows. Keymint never touches keys that are not ours."
    >
      <div className="mt-3">
        <LiveBar
          asOf={view.asOf}
          everyMs={view.running.length > 0 ? liveEveryMs.running : liveEveryMs.idle}
        />
      </div>
      <AdminAlerts alerts={alerts} asOf={view.asOf} />
      {done ? (
        <div role="status" className="mt-6 max-w-read">
          <Answer requested={done} />
        </div>
      ) : null}
      <ReconcilePage view={view} mayAct={mayAct} />
    </AdminShell>
  )
}

const repairMessages: Record<FixAsked['kind'], { tone: Tone; title: string; next: string }> = {
  started: {
    tone: 'ok',
    title: 'The repair has started',
    next: 'Keymint compares each difference once more, then repairs it. Check again afterwards to confirm.',
  },
  superseded: {
    tone: 'warning',
    title: 'Nothing was repaired: a newer check exists',
    next: 'The findings may have changed. Read the list below, then start the repair again.',
  },
  'already-running': {
    tone: 'warning',
    title: 'Nothing was started: a repair is running',
    next: 'Wait until it has finished, then repair what is left.',
  },
  'nothing-to-do': {
    tone: 'warning',
    title: 'Nothing is left to repair',
    next: 'Somebody else may have repaired it.',
  },
}

type Requested =
  | { kind: 'check'; outcome: 'started' | 'already-running' }
  | { kind: 'repair'; outcome: FixAsked['kind'] }

function Answer({ requested }: { requested: Requested }) {
  if (requested.kind === 'check')
    return (
      <Callout
        tone="ok"
        title={
          requested.outcome === 'started' ? 'A check has started' : 'A check is running already'
        }
      >
        <p>It reads every key of the provider account. The findings appear below.</p>
      </Callout>
    )
  const message = repairMessages[requested.outcome]
  return (
    <Callout tone={message.tone} title={message.title}>
      <p>{message.next}</p>
    </Callout>
  )
}
