import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { ActPage } from '~/components/staff/act-page'
import { AdminShell } from '~/components/staff/admin-shell'
import { previewClaimAction, startClaimAction } from '~/domain/claim/claim-actions.server'
import { readCounters } from '~/domain/operations/counters.server'
import { endWorkshop } from '~/domain/claim/end-workshop.server'
import { needsReason, questionOf, readAsked, reasonOf } from '~/web/act-form.server'
import { adminActUrl, adminWorkshopUrl, adminWorkUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { requireAdmin } from '~/web/session.server'

/** What would be done, before anything is. */
export const loader = handler(async ({ request, params, ctx, auth }) => {
  await requireAdmin({ request, ctx, auth })
  const slug = params.workshop ?? ''
  const figures = await readCounters(ctx.db, slug)
  if (!ctx.workshops.workshops.has(slug) && figures.total === 0) throw notFound()
  const search = new URL(request.url).searchParams
  const asked = readAsked(search)
  const title = ctx.workshops.workshops.get(slug)?.title ?? slug
  const page = {
    slug,
    title,
    fields: [...search].filter(
      ([name]) => !['limit', 'expires', 'reason', 'confirm'].includes(name),
    ),
    values: { limit: search.get('limit') ?? '', expires: search.get('expires') ?? '' },
  }
  switch (asked.kind) {
    case 'unclear':
      return {
        ...page,
        view: { kind: 'unclear' as const, question: 'Which claims?', problem: asked.problem },
      }
    case 'needs':
      return {
        ...page,
        view: {
          kind: 'needs' as const,
          question: asked.need === 'limit' ? 'What should the cap be?' : 'Until when?',
          need: asked.need,
          problem: asked.problem,
        },
      }
    case 'end':
      return {
        ...page,
        view: {
          kind: 'end' as const,
          question: 'End the workshop now?',
          live: figures.pending + figures.ready,
        },
      }
    case 'claims': {
      const preview = await previewClaimAction(ctx, {
        workshopSlug: slug,
        action: asked.action,
        selection: asked.selection,
      })
      return {
        ...page,
        view: {
          kind: 'claims' as const,
          action: asked.action.kind,
          question: questionOf(asked.action, preview.fitting),
          preview,
          needsReason: needsReason(asked.action),
        },
      }
    }
  }
})

export const action = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const slug = params.workshop ?? ''
  const form = new URLSearchParams(
    [...(await request.formData())].map(([name, value]) => [
      name,
      typeof value === 'string' ? value : '',
    ]),
  )
  const asked = readAsked(form)
  if (form.get('confirm') !== 'yes' || asked.kind === 'needs')
    return redirect(`${adminActUrl(slug)}?${form.toString()}`, 303)
  if (asked.kind === 'unclear') return data({ problem: asked.problem }, { status: 422 })
  if (asked.kind === 'end') {
    const ended = await endWorkshop(ctx, {
      slug,
      actorUserId: viewer.userId,
      reason: reasonOf(form, asked),
    })
    if (ended.kind === 'refused') return data({ problem: ended.detail }, { status: 422 })
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
    action: asked.action,
    selection: asked.selection,
    reason: reasonOf(form, asked.action),
  })
  return started.kind === 'started'
    ? redirect(adminWorkUrl(slug, started.bulkId), 303)
    : data({ problem: started.detail }, { status: 422 })
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
