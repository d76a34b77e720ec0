import { redirect, type MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { AdminShell } from '~/components/staff/admin-shell'
import { BulkProgress, bulkWords } from '~/components/staff/bulk-progress'
import { abortBulk, readBulk } from '~/domain/bulk/bulk.server'
import type { Ctx } from '~/domain/ctx'
import { adminClaimUrl, adminWorkshopUrl, adminWorkUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

async function requireBulk(ctx: Ctx, slug: string, bulkId: string) {
  const bulk = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(bulkId)
    ? await readBulk(ctx, bulkId)
    : null
  if (!bulk || bulk.scope !== slug) throw notFound()
  return bulk
}

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const slug = params.workshop ?? ''
  const {
    params: _params,
    selection: _selection,
    ...bulk
  } = await requireBulk(ctx, slug, params.bulk ?? '')
  return { slug, bulk, mayAct: viewer.role === 'admin', asOf: ctx.now().toISOString() }
})

export const action = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const slug = params.workshop ?? ''
  const bulk = await requireBulk(ctx, slug, params.bulk ?? '')
  await abortBulk(ctx, { bulkId: bulk.id, actor: `user:${viewer.userId}` })
  return redirect(adminWorkUrl(slug, bulk.id), 303)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data ? bulkWords(data.bulk.kind) : 'Work'} · Admin · Keymint` },
]

export default function AdminWork() {
  const { slug, bulk, mayAct, asOf } = useLoaderData<typeof loader>()
  return (
    <AdminShell
      title={bulkWords(bulk.kind)}
      back={{ to: adminWorkshopUrl(slug), label: `Claims of ${slug}` }}
    >
      <BulkProgress
        bulk={bulk}
        mayAct={mayAct}
        asOf={asOf}
        hrefOf={(claimId) => adminClaimUrl(slug, claimId)}
      />
    </AdminShell>
  )
}
