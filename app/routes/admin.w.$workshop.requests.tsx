import { data, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AdminShell } from '~/components/staff/admin-shell'
import { RequestsPage, requestProblems } from '~/components/staff/requests-page'
import {
  decideRequests,
  listOpenRequests,
  maxRequests,
  type RequestResult,
} from '~/domain/claim/limit-requests.server'
import { readWorkshopMoney } from '~/domain/operations/workshop-money.server'
import { adminClaimUrl, adminWorkshopUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { readOpenRequests } from '~/web/open-requests.server'
import { firstProblem, many, parseFields, readFields, usdAmount } from '~/web/parse-form.server'
import { requireWorkshopActor, requireWorkshopStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { viewer, mayAct } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop) throw notFound()
  const [rows, money, requests] = await Promise.all([
    listOpenRequests(ctx, slug),
    readWorkshopMoney(ctx, workshop),
    readOpenRequests(ctx, viewer),
  ])
  return {
    slug,
    title: workshop.title,
    timezone: workshop.timezone,
    offered: workshop.askForMore,
    rows: rows.map((row) => ({ ...row, href: adminClaimUrl(slug, row.claimId) })),
    isCut: rows.length === maxRequests,
    left: workshop.poolLimit === null ? null : money.left,
    requests,
    mayAct,
    asOf: ctx.now().toISOString(),
  }
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

const selectionForm = z.object({ request: many(z.uuid('no-such-request')) })
const amountForm = z.object({ amount: usdAmount('bad-amount') })

export const action = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireWorkshopActor({ request, ctx, auth, slug })
  if (!ctx.workshops.workshops.has(slug)) throw notFound()
  const fields = await readFields(request)
  const intent = fields.get('intent')
  if (intent !== 'approve' && intent !== 'refuse') throw badRequest()
  const form = parseFields(selectionForm, fields)
  if (!form.ok) return failed(firstProblem(form, requestProblems))
  if (form.value.request.length === 0) return failed('nothing-selected')
  const another = (fields.get('amount') ?? '').trim() !== ''
  const amount = another ? parseFields(amountForm, fields) : null
  if (intent === 'approve' && amount && !amount.ok)
    return failed(firstProblem(amount, requestProblems))
  const results = await decideRequests(ctx, {
    workshopSlug: slug,
    requestIds: form.value.request,
    decision:
      intent === 'refuse'
        ? { kind: 'refuse' }
        : { kind: 'approve', more: amount?.ok ? amount.value.amount : null },
    actorUserId: viewer.userId,
  })
  return { problem: null, results: countOf(results) }
})

const failed = (problem: keyof typeof requestProblems) =>
  data({ problem, results: null }, { status: 422 })

const countOf = (results: RequestResult[]) =>
  Object.entries(Object.groupBy(results, (result) => result)).map(([result, all]) => ({
    result: result as RequestResult,
    count: all.length,
  }))

export const meta: MetaFunction<typeof loader> = ({ data: page }) => [
  {
    title: `${page?.rows.length ? `(${page.rows.length}) ` : ''}Requests: ${page?.title ?? ''} · Admin · Keymint`,
  },
]

export default function AdminRequests() {
  const page = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  return (
    <AdminShell
      title="Requests for a higher limit"
      back={{ to: adminWorkshopUrl(page.slug), label: page.title }}
      requests={page.requests}
    >
      <RequestsPage page={page} answer={answer ?? null} />
    </AdminShell>
  )
}
