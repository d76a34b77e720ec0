import { data, redirect, type MetaDescriptor, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { TextArea } from '~/components/base/field'
import { PageShell } from '~/components/base/page-shell'
import { Ago } from '~/components/base/time'
import { AnswerWatch } from '~/components/claim/ask-organizer'
import { notTakenMessage } from '~/components/claim/claim-messages'
import { OrganizerLine } from '~/components/claim/organizer-line'
import { askForAccess, readOwnAccess } from '~/domain/claim/access.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { askUrl, workshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { parseForm, requiredText } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const [workshop, access] = await Promise.all([
    findWorkshopView(ctx, slug),
    readOwnAccess(ctx, slug, viewer),
  ])
  if (!workshop) throw notFound()
  // Nothing is in the way that the organizers could lift, or nothing can be claimed any more.
  if ('broken' in workshop || workshop.window === 'closed' || !access?.refusedFor)
    return redirect(workshopUrl(slug), 303)
  return {
    workshop,
    refusedFor: access.refusedFor,
    request: access.request,
    auto: new URL(request.url).searchParams.get('auto') === '15',
    asOf: ctx.now().toISOString(),
  }
})

const form = z.object({
  note: requiredText(500, 'Write a sentence, so that the organiser knows who you are.'),
})

export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  await requireWithinLimit({ request, ctx, ip }, 'ask-access', viewer)
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop) throw notFound()
  const parsed = await parseForm(form, request)
  if (!parsed.ok)
    return data(
      { problem: parsed.problems.note ?? '', note: parsed.given.note ?? '' },
      { status: 422 },
    )
  const outcome = await askForAccess(ctx, {
    workshopSlug: slug,
    person: viewer,
    note: parsed.value.note,
  })
  return redirect(outcome.kind === 'not-needed' ? workshopUrl(slug) : askUrl(slug), 303)
})

export const meta: MetaFunction<typeof loader> = ({ data: page }) => {
  const refresh: MetaDescriptor[] =
    page?.auto && page.request?.state === 'open' ? [{ httpEquiv: 'refresh', content: '15' }] : []
  return [
    { title: 'Ask the organiser · Keymint' },
    { name: 'robots', content: 'noindex' },
    ...refresh,
  ]
}

export default function Ask() {
  const { workshop, refusedFor, request, auto, asOf } = useLoaderData<typeof loader>()
  const problem = useActionData<typeof action>()
  const back = { to: workshopUrl(workshop.slug), label: workshop.title }
  if (request?.state === 'open')
    return (
      <PageShell
        title="The organiser has your request"
        lead="You can close this page. Your request stays, and the workshop’s page shows the answer."
        back={back}
      >
        <div className="mt-6 space-y-6">
          <p role="status">Waiting for an answer. This page continues by itself.</p>
          <blockquote className="border-l-4 border-rule pl-4 [overflow-wrap:anywhere]">
            {request.note}
          </blockquote>
          <p className="text-small text-soft">
            Asked <Ago iso={request.askedAt} asOf={asOf} />.
          </p>
          <noscript>
            <p>
              {auto ? (
                'This page checks every 15 seconds.'
              ) : (
                <a className="button" href={`${askUrl(workshop.slug)}?auto=15`}>
                  Check every 15 seconds
                </a>
              )}
            </p>
          </noscript>
          <AnswerWatch slug={workshop.slug} />
          <OrganizerLine organizer={workshop.organizer} subject={`A key for ${workshop.title}`} />
        </div>
      </PageShell>
    )
  const why = notTakenMessage(refusedFor, workshop)
  return (
    <PageShell title="Ask the organiser to let you in" lead={why.meaning} back={back}>
      <div className="mt-6 space-y-6">
        {request?.state === 'refused' ? (
          <Callout tone="warning" title="The organiser has refused your last request">
            <p>You can ask again, for example with more about who you are.</p>
          </Callout>
        ) : null}
        <form method="post" action={askUrl(workshop.slug)} className="space-y-4">
          <TextArea
            label="Who are you?"
            name="note"
            hint="One sentence is enough: your name, and how you belong to this workshop. Only its staff see it."
            maxLength={500}
            required
            defaultValue={problem?.note ?? ''}
            error={problem?.problem}
          />
          <Button type="submit" kind="ink" large>
            Send the request
          </Button>
        </form>
        <OrganizerLine organizer={workshop.organizer} subject={`A key for ${workshop.title}`} />
      </div>
    </PageShell>
  )
}
