import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { ActPage } from '~/components/staff/act-page'
import { actRefusals, endLabel, previewMessage, questionOf } from '~/components/staff/act-messages'
import { AdminShell } from '~/components/staff/admin-shell'
import { previewClaimAction, startClaimAction } from '~/domain/claim/claim-actions.server'
import { previewNames } from '~/domain/claim/preview-names.server'
import { readCounters } from '~/domain/operations/counters.server'
import { endWorkshop } from '~/domain/claim/end-workshop.server'
import { needsReason, needsTyping, readActRequest, reasonOf } from '~/web/act-form.server'
import { adminActUrl, adminWorkshopUrl, adminWorkUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { requireWorkshopActor } from '~/web/session.server'

/** A preview: changes nothing. */
export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  await requireWorkshopActor({ request, ctx, auth, slug })
  const counters = await readCounters(ctx.db, slug)
  if (!ctx.workshops.workshops.has(slug) && counters.total === 0) throw notFound()
  const search = new URL(request.url).searchParams
  const zone = ctx.workshops.workshops.get(slug)?.timezone ?? 'UTC'
  const wanted = readActRequest(search, zone)
  const title = ctx.workshops.workshops.get(slug)?.title ?? slug
  const page = {
    slug,
    title,
    zone,
    typed: needsTyping(wanted) ? slug : null,
    fields: [...search].filter(
      ([name]) => !['limit', 'expires', 'reason', 'confirm', 'typed'].includes(name),
    ),
    values: { limit: search.get('limit') ?? '', expires: search.get('expires') ?? '' },
  }
  switch (wanted.kind) {
    case 'unclear':
      return {
        ...page,
        view: { kind: 'unclear' as const, question: 'Select claims', problem: wanted.problem },
      }
    case 'needs':
      return {
        ...page,
        view: {
          kind: 'needs' as const,
          question: wanted.need === 'limit' ? 'Set a limit' : 'Choose an end',
          need: wanted.need,
          problem: wanted.problem,
        },
      }
    case 'end':
      return {
        ...page,
        view: {
          kind: 'end' as const,
          question: endLabel(counters.pending + counters.ready) + '?',
          live: counters.pending + counters.ready,
        },
      }
    case 'claims': {
      const [preview, names] = await Promise.all([
        previewClaimAction(ctx, {
          workshopSlug: slug,
          action: wanted.action,
          selection: wanted.selection,
        }),
        previewNames(ctx, slug, wanted.selection),
      ])
      return {
        ...page,
        view: {
          kind: 'claims' as const,
          action: wanted.action.kind,
          question: questionOf(wanted.action, preview.covered || preview.fitting),
          preview: {
            count: preview.count,
            fitting: preview.fitting,
            covered: preview.covered,
            pool: preview.pool,
            names,
            message: previewMessage(wanted.action, preview),
          },
          needsReason: needsReason(wanted.action),
        },
      }
    }
  }
})

const maxQueryLength = 12_000

export const action = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireWorkshopActor({ request, ctx, auth, slug })
  const form = await readFields(request)
  const zone = ctx.workshops.workshops.get(slug)?.timezone ?? 'UTC'
  const wanted = readActRequest(form, zone)
  if (form.get('confirm') !== 'yes' || wanted.kind === 'needs') {
    const query = form.toString()
    // No server reads an address that is longer.
    if (query.length > maxQueryLength)
      return data(
        { problem: 'This is too much for one action. Select fewer claims, or filter them.' },
        { status: 422 },
      )
    return redirect(`${adminActUrl(slug)}?${query}`, 303)
  }
  if (wanted.kind === 'unclear') return data({ problem: wanted.problem }, { status: 422 })
  if (needsTyping(wanted) && form.get('typed')?.trim() !== slug)
    return data({ problem: `Type ${slug} to confirm.` }, { status: 422 })
  if (wanted.kind === 'end') {
    const ended = await endWorkshop(ctx, {
      slug,
      actorUserId: viewer.userId,
      reason: reasonOf(form, wanted),
    })
    if (ended.kind === 'refused')
      return data({ problem: 'Enter a reason. It is kept with the action.' }, { status: 422 })
    return redirect(
      ended.kind === 'ended' && ended.bulkId
        ? adminWorkUrl(slug, ended.bulkId)
        : adminWorkshopUrl(slug),
      303,
    )
  }
  const started = await startClaimAction(ctx, {
    actorUserId: viewer.userId,
    workshopSlug: slug,
    action: wanted.action,
    selection: wanted.selection,
    reason: reasonOf(form, wanted.action),
  })
  return started.kind === 'started'
    ? redirect(adminWorkUrl(slug, started.bulkId), 303)
    : data({ problem: actRefusals[started.reason] }, { status: 422 })
})

export const meta: MetaFunction<typeof loader> = ({ data: page }) => [
  { title: `${page?.view.question ?? 'Act'} · Admin · Keymint` },
]

export default function AdminAct() {
  const page = useLoaderData<typeof loader>()
  const problem = useActionData<typeof action>()?.problem ?? null
  return (
    <AdminShell
      title={page.view.question}
      back={{ to: adminWorkshopUrl(page.slug), label: page.title }}
    >
      <ActPage page={page} problem={problem} />
    </AdminShell>
  )
}
