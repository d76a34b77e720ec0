import { redirect, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { AdminShell } from '~/components/staff/admin-shell'
import { ReceiptAsk, ReceiptSheet, ReportSheet } from '~/components/staff/receipt-sheet'
import { requestReceipt, readReceiptPage } from '~/domain/staff/receipt.server'
import { receiptView } from '~/components/staff/receipt-messages'
import { adminReceiptUrl, adminWorkshopUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { reportView } from '~/web/report-view.server'
import { requireWorkshopActor, requireWorkshopStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { mayAct } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const page = await readReceiptPage(ctx, slug)
  if (!page) throw notFound()
  return {
    page: {
      ...page,
      receipt: page.receipt && { ...page.receipt, body: receiptView(page.receipt.body) },
      report: page.report && reportView(page.report),
    },
    mayAct,
  }
})

export const action = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireWorkshopActor({ request, ctx, auth, slug })
  await requestReceipt(ctx, { workshopSlug: slug, actorUserId: viewer.userId })
  return redirect(adminReceiptUrl(slug), 303)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Receipt: ${data?.page.title ?? ''} · Keymint` },
]

export default function AdminReceipt() {
  const { page, mayAct } = useLoaderData<typeof loader>()
  const back = { to: adminWorkshopUrl(page.slug), label: page.title }
  return (
    <AdminShell
      title={page.receipt ? page.title : 'Receipt'}
      back={back}
      lead={page.receipt ? 'Receipt' : page.title}
    >
      {page.receipt ? (
        <ReceiptSheet
          slug={page.slug}
          body={page.receipt.body}
          report={page.report}
          madeAt={page.receipt.madeAt}
          asOf={page.asOf}
        />
      ) : (
        <>
          <ReceiptAsk
            over={page.over}
            asked={page.asked}
            missing={page.missing}
            mayAct={mayAct}
            asOf={page.asOf}
          />
          {page.report ? (
            <ReportSheet slug={page.slug} report={page.report} asOf={page.asOf} />
          ) : null}
        </>
      )}
    </AdminShell>
  )
}
