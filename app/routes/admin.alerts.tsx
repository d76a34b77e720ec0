import type { MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { useState } from 'react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AlertsPage } from '~/components/staff/alerts-page'
import { channelNames } from '~/domain/alerts/alert'
import { readAlertsView } from '~/domain/alerts/read.server'
import { retryDelivery, sendTest } from '~/domain/alerts/requests.server'
import { badRequest, handler } from '~/web/handler.server'
import { parseForm, uuid } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  return { view: await readAlertsView(ctx), mayAct: viewer.role === 'admin' }
})

const form = z.object({
  intent: z.enum(['test', 'retry']),
  channel: z.union([z.enum(channelNames), z.literal('')]),
  address: z.string().max(320),
  id: z.union([uuid, z.literal('')]),
})

export const action = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const parsed = await parseForm(form, request)
  if (!parsed.ok) throw badRequest()
  const { intent, channel, address, id } = parsed.value
  if (intent === 'retry') {
    if (id === '') throw badRequest()
    return { kind: await retryDelivery(ctx, viewer.userId, id) }
  }
  if (channel === '') throw badRequest()
  await requireWithinLimit({ request, ctx }, 'alert-test', viewer)
  const sent = await sendTest(ctx, viewer.userId, { channel, address })
  return sent === null
    ? { kind: 'not-configured' as const }
    : { kind: 'test-sent' as const, deliveryId: sent }
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction = () => [{ title: 'Alerts · Keymint' }]

export default function AdminAlertsRoute() {
  const { view, mayAct } = useLoaderData<typeof loader>()
  const done = useActionData<typeof action>() ?? null
  // An update of the page drops the answer of the action, which a test is followed by.
  const [kept, setKept] = useState(done)
  if (done !== null && done !== kept) setKept(done)
  return <AlertsPage view={view} mayAct={mayAct} done={done ?? kept} />
}
