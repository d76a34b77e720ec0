import { redirect, type MetaFunction } from '@remix-run/node'
import { useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { AdminShell } from '~/components/staff/admin-shell'
import { useLive } from '~/client/use-live'
import { StaleNote } from '~/components/base/stale-note'
import { bulkLabel } from '~/components/staff/bulk-messages'
import { BulkProgress } from '~/components/staff/bulk-progress'
import { abortBulk, readBulk } from '~/domain/bulk/bulk.server'
import type { Ctx } from '~/domain/ctx'
import { adminClaimUrl, adminWorkshopUrl, adminWorkUrl, jobUrl } from '~/urls'
import { handler, notFound } from '~/web/handler.server'
import { uuid } from '~/web/parse-form.server'
import { requireWorkshopActor, requireWorkshopStaff } from '~/web/session.server'

async function requireBulk(ctx: Ctx, slug: string, bulkId: string) {
  const bulk = uuid.safeParse(bulkId).success ? await readBulk(ctx, bulkId) : null
  if (!bulk || bulk.scope !== slug) throw notFound()
  return bulk
}

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { mayAct } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const {
    params: _params,
    selection: _selection,
    ...bulk
  } = await requireBulk(ctx, slug, params.bulk ?? '')
  return { slug, bulk, mayAct, asOf: ctx.now().toISOString() }
})

export const action = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireWorkshopActor({ request, ctx, auth, slug })
  const bulk = await requireBulk(ctx, slug, params.bulk ?? '')
  await abortBulk(ctx, { bulkId: bulk.id, actor: `user:${viewer.userId}` })
  return redirect(adminWorkUrl(slug, bulk.id), 303)
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())
// The answer that the page came with is the first one to keep.

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `${data ? bulkLabel(data.bulk) : 'Action'} · Admin · Keymint` },
]

const liveEveryMs = 2_000

export default function AdminWork() {
  const { slug, bulk, mayAct, asOf } = useLoaderData<typeof loader>()
  const live = useLive({ loadedAt: asOf, everyMs: bulk.finishedAt === null ? liveEveryMs : null })
  const hrefOf = (subject: string) => {
    const [kind, id = ''] = subject.split(':')
    return kind === 'job' ? jobUrl(id) : adminClaimUrl(slug, id)
  }
  return (
    <AdminShell
      title={bulkLabel(bulk)}
      back={{ to: adminWorkshopUrl(slug), label: `Claims of ${slug}` }}
    >
      <StaleNote live={live} />
      <div className="mt-6">
        <BulkProgress bulk={bulk} mayAct={mayAct} asOf={asOf} hrefOf={hrefOf} />
      </div>
    </AdminShell>
  )
}
