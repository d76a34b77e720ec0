import type { MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { useLivePage } from '~/client/use-live-page'
import { AdminAlerts } from '~/components/staff/admin-alerts'
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
import { readAlerts } from '~/domain/operations/alerts.server'
import { handler } from '~/web/handler.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const [view, alerts] = await Promise.all([readReconcileView(ctx), readAlerts(ctx)])
  return {
    view,
    alerts: alerts.filter((alert) => alert.kind !== 'drift'),
    mayAct: viewer.role === 'admin',
  }
})

export const action = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const form = await request.formData()
  const actor = `user:${viewer.userId}` as const
  if (form.get('intent') === 'check')
    return { asked: 'check' as const, outcome: (await askForCheck(ctx, actor)).kind }
  const checkId = form.get('checkId')
  const select = selectionOf(form)
  if (!select || typeof checkId !== 'string' || !/^[0-9a-f-]{36}$/i.test(checkId))
    throw new Response('bad-request', { status: 400 })
  return { asked: 'fix' as const, outcome: (await askForFix(ctx, { actor, checkId, select })).kind }
})

function selectionOf(form: FormData): FixSelection | null {
  const [intent, id, kind] = [
    form.get('intent'),
    form.get('id'),
    driftKinds.find((one) => one === form.get('kind')),
  ]
  if (intent === 'fix-all') return 'all'
  if (intent === 'fix-kind' && kind) return { kind }
  return intent === 'fix-one' && typeof id === 'string' ? { ids: [id] } : null
}

export const meta: MetaFunction = () => [{ title: 'Reconcile · Keymint' }]

export default function AdminReconcile() {
  const { view, alerts, mayAct } = useLoaderData<typeof loader>()
  const done = useActionData<typeof action>()
  useLivePage(view.running.length > 0)
  return (
    <AdminShell
      title="Reconcile"
      lead="What the provider holds against what our rows say. Keys that are not ours are never touched."
    >
      <AdminAlerts alerts={alerts} asOf={view.asOf} />
      {done ? (
        <div role="status" className="mt-6 max-w-read">
          <Asked asked={done} />
        </div>
      ) : null}
      <ReconcilePage view={view} mayAct={mayAct} />
    </AdminShell>
  )
}

const fixWords: Record<FixAsked['kind'], { tone: 'mint' | 'amber'; title: string; next: string }> =
  {
    started: {
      tone: 'mint',
      title: 'The fix has started.',
      next: 'Each disagreement is looked at once more, then fixed. Check again afterwards to see it confirmed.',
    },
    superseded: {
      tone: 'amber',
      title: 'Nothing was fixed: a newer check has been made.',
      next: 'What you saw may have changed. Look at the list below, then press again.',
    },
    'already-running': {
      tone: 'amber',
      title: 'Nothing new was started: a fix is under way.',
      next: 'Wait until it is done, then press again for what is left.',
    },
    'nothing-to-do': {
      tone: 'amber',
      title: 'There was nothing left to fix.',
      next: 'Somebody else may have been faster.',
    },
  }

function Asked({
  asked,
}: {
  asked:
    | { asked: 'check'; outcome: 'started' | 'already-running' }
    | { asked: 'fix'; outcome: FixAsked['kind'] }
}) {
  if (asked.asked === 'check')
    return (
      <Callout
        tone="mint"
        title={
          asked.outcome === 'started' ? 'A check has started.' : 'A check was under way already.'
        }
      >
        <p>It reads every key of the account; what it finds appears below.</p>
      </Callout>
    )
  const words = fixWords[asked.outcome]
  return (
    <Callout tone={words.tone} title={words.title}>
      <p>{words.next}</p>
    </Callout>
  )
}
