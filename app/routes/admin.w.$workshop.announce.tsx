import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { AdminShell } from '~/components/staff/admin-shell'
import { AnnouncePage, announceProblems } from '~/components/staff/announce-page'
import {
  editAnnouncement,
  forgetAnnouncements,
  postAnnouncement,
  readAnnouncements,
  takeDownAnnouncement,
  type AnnouncementEnd,
  type PostOutcome,
} from '~/domain/workshop/announcements.server'
import { adminAnnounceUrl, adminWorkshopUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { firstProblem, parseFields, readFields, requiredText } from '~/web/parse-form.server'
import { requireWorkshopActor, requireWorkshopStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { mayAct } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop) throw notFound()
  // What was posted through another process is shown as well.
  forgetAnnouncements(ctx)
  const { claimsCloseAt } = workshop
  return {
    slug,
    title: workshop.title,
    timezone: workshop.timezone,
    shown: await readAnnouncements(ctx, slug),
    closesAt:
      claimsCloseAt !== null && claimsCloseAt > ctx.now() ? claimsCloseAt.toISOString() : null,
    ownToo: workshop.announceProblems,
    mayAct,
    asOf: ctx.now().toISOString(),
  }
})

const ends: Record<'15m' | '1h' | 'closing', AnnouncementEnd> = {
  '15m': { minutes: 15 },
  '1h': { minutes: 60 },
  closing: 'closing',
}

const lineForm = z.object({
  // One line, whatever was pasted.
  line: requiredText(200, 'no-line', 'too-long').transform((line) => line.replace(/\s+/gu, ' ')),
  end: z.enum(['keep', '15m', '1h', 'closing'], 'no-end'),
})
/** The line that the form was shown with; without one a new line is posted. */
const shownForm = z.object({ id: z.uuid(), revision: z.string().regex(/^\d{1,9}$/) })

export const action = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireWorkshopActor({ request, ctx, auth, slug })
  if (!ctx.workshops.workshops.has(slug)) throw notFound()
  const fields = await readFields(request)
  const by = { slug, actorUserId: viewer.userId }
  const known = parseFields(shownForm, fields)
  const intent = fields.get('intent')
  if (intent === 'take-down') {
    if (!known.ok) throw badRequest()
    return answer(slug, await takeDownAnnouncement(ctx, { ...by, id: known.value.id }), '')
  }
  if (intent !== 'post' && intent !== 'edit') throw badRequest()
  const form = parseFields(lineForm, fields)
  if (!form.ok)
    return data(
      { problem: firstProblem(form, announceProblems), line: form.given.line ?? '' },
      { status: 422 },
    )
  const { line, end } = form.value
  if (intent === 'post') {
    if (end === 'keep') throw badRequest()
    return answer(slug, await postAnnouncement(ctx, { ...by, line, end: ends[end] }), line)
  }
  if (!known.ok) throw badRequest()
  const changed = await editAnnouncement(ctx, {
    ...by,
    id: known.value.id,
    revision: Number(known.value.revision),
    line,
    end: end === 'keep' ? null : ends[end],
  })
  return answer(slug, changed, line)
})

function answer(slug: string, outcome: PostOutcome, line: string) {
  switch (outcome.kind) {
    case 'posted':
    case 'changed':
    case 'taken-down':
      return redirect(adminAnnounceUrl(slug), 303)
    case 'shown-already':
    case 'not-current':
    case 'no-closing':
      return data({ problem: outcome.kind, line }, { status: 409 })
  }
}

export const meta: MetaFunction<typeof loader> = ({ data: page }) => [
  { title: `Announcement: ${page?.title ?? ''} · Admin · Keymint` },
]

export default function AdminAnnounce() {
  const page = useLoaderData<typeof loader>()
  const failed = useActionData<typeof action>()
  return (
    <AdminShell title="Announcement" back={{ to: adminWorkshopUrl(page.slug), label: page.title }}>
      <AnnouncePage page={page} failed={failed ?? null} />
    </AdminShell>
  )
}
