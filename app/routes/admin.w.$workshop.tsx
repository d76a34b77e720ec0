import type { MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData, useNavigation } from '@remix-run/react'
import { Button } from '~/components/button'
import { Callout } from '~/components/callout'
import { EmptyState, PageShell } from '~/components/page-shell'
import { Ago } from '~/components/time'
import { SeatsBar } from '~/components/workshop-facts'
import { listClaimsForStaff, type StaffClaimRow } from '~/domain/claim/admin.server'
import { startClaimAction, type StartedClaimAction } from '~/domain/claim/claim-actions.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { workshopUrl } from '~/web/claim-urls'
import { handler, notFound } from '~/web/handler.server'
import { requireAdmin, requireStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const slug = params.workshop ?? ''
  const [found, rows] = await Promise.all([findWorkshopView(ctx, slug), listClaimsForStaff(ctx, slug)])
  if (!found && rows.length === 0) throw notFound()
  return { slug, workshop: found && !('broken' in found) ? found : null, broken: found !== null && 'broken' in found, rows, mayAct: viewer.role === 'admin', asOf: ctx.now().toISOString() }
})

export const action = handler(async ({ request, params, ctx, auth }) => {
  const viewer = await requireAdmin({ request, ctx, auth })
  const form = await request.formData()
  const claimId = form.get('claimId')
  const intent = form.get('intent')
  if ((intent !== 'retry' && intent !== 'bind') || typeof claimId !== 'string' || !/^[0-9a-f-]{36}$/i.test(claimId)) throw new Response('bad-request', { status: 400 })
  const outcome = await startClaimAction(ctx, { action: { kind: intent }, selection: { claimIds: [claimId] }, workshopSlug: params.workshop ?? '', actorUserId: viewer.userId, reason: 'Tried again from the list of claims.' })
  return { claimId, outcome }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [{ title: `Claims: ${data?.workshop?.title ?? data?.slug ?? ''} · Keymint` }]

export default function AdminWorkshop() {
  const { slug, workshop, broken, rows, mayAct, asOf } = useLoaderData<typeof loader>()
  const done = useActionData<typeof action>()
  const waiting = rows.filter((row) => row.state === 'pending').length
  const unbound = rows.filter((row) => row.state === 'ready' && !row.bound).length
  const refused = rows.filter((row) => row.state === 'refused').length
  return (
    <PageShell wide title={workshop?.title ?? slug} back={{ to: workshopUrl(slug), label: 'Workshop page' }} lead={`${rows.length} ${rows.length === 1 ? 'claim' : 'claims'}: ${waiting} waiting, ${refused} refused, ${unbound} unbound.`}>
      {broken ? <div className="mt-6"><Callout tone="brick" title="The workshop’s file has a mistake."><p>Nobody can claim until it is repaired. Keys given out keep working.</p></Callout></div> : null}
      {workshop ? (
        <div className="mt-6 max-w-read space-y-4">
          <SeatsBar workshop={workshop} />
          {workshop.pool ? <p className="text-soft">{workshop.pool.committed.text} of {workshop.pool.limit.text} committed.</p> : null}
          {workshop.paused ? <Callout tone="amber" title="No keys are made just now."><p>{workshop.paused.reason}</p></Callout> : null}
        </div>
      ) : null}
      {done ? <div role="status" className="mt-6 max-w-read"><Outcome outcome={done.outcome} /></div> : null}
      <div className="mt-8">
        {rows.length === 0 ? <EmptyState title="Nobody has claimed yet."><p>Claims appear here as they are made.</p></EmptyState> : <ClaimTable rows={rows} mayAct={mayAct} asOf={asOf} />}
      </div>
    </PageShell>
  )
}

function Outcome({ outcome }: { outcome: StartedClaimAction }) {
  if (outcome.kind === 'refused') return <Callout tone="amber" title="That could not be tried again."><p>{outcome.detail}</p></Callout>
  return <Callout tone="mint" title="It is being tried again."><p>Reload in a few seconds to see how it went.</p></Callout>
}

function ClaimTable({ rows, mayAct, asOf }: { rows: StaffClaimRow[]; mayAct: boolean; asOf: string }) {
  return (
    <div className="relative max-h-[75vh] overflow-auto" tabIndex={0} role="region" aria-label="Claims">
      <table className="ledger min-w-[80rem]">
        <thead>
          <tr>
            <th scope="col">Person</th>
            <th scope="col">Email</th>
            <th scope="col">No.</th>
            <th scope="col">State</th>
            <th scope="col">Limits</th>
            <th scope="col">Key</th>
            <th scope="col" className="!text-right">Used</th>
            <th scope="col">As of</th>
            <th scope="col">Claimed</th>
            {mayAct ? <th scope="col"><span className="sr-only">Act</span></th> : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.claimId}>
              <th scope="row" className="!static !border-rule">{row.displayName}</th>
              <td className="text-soft">{row.email ?? 'no verified email'}</td>
              <td className="font-mono">{row.reference}</td>
              <td className={`min-w-56 ${row.state === 'refused' ? 'text-brick-ink' : ''}`}>{row.state}{row.reason ? <span className="text-soft">: {row.reason}{row.reasonDetail ? `, ${row.reasonDetail}` : ''}</span> : null}</td>
              <td className={`min-w-44 ${row.state === 'ready' && !row.bound ? 'text-amber-ink' : 'text-soft'}`}>{row.state !== 'ready' ? '' : row.bound ? 'bound' : `unbound: ${row.bindError ?? 'not tried yet'}`}</td>
              <td className="whitespace-nowrap font-mono">{row.keyLabel ?? ''}</td>
              <td className="text-right whitespace-nowrap">{row.usage ? `${row.usage.text} of ${row.limit.text}` : `of ${row.limit.text}`}</td>
              <td className="whitespace-nowrap text-soft">{row.usageAsOf ? <Ago iso={row.usageAsOf} asOf={asOf} /> : 'never'}</td>
              <td className="whitespace-nowrap text-soft"><time dateTime={row.attendedAt} title={row.attendedAt}><Ago iso={row.attendedAt} asOf={asOf} /></time></td>
              {mayAct ? <td className="text-right"><Retry row={row} /></td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Retry({ row }: { row: StaffClaimRow }) {
  const navigation = useNavigation()
  const can = row.state === 'refused' || (row.state === 'ready' && !row.bound)
  if (!can) return null
  const busy = navigation.state !== 'idle' && navigation.formData?.get('claimId') === row.claimId
  return (
    <Form method="post" preventScrollReset>
      <input type="hidden" name="intent" value={row.state === 'refused' ? 'retry' : 'bind'} />
      <input type="hidden" name="claimId" value={row.claimId} />
      <Button type="submit" busy={busy} busyText="Trying…" aria-label={`${row.state === 'refused' ? 'Make the key again' : 'Attach limits again'} for ${row.displayName}`}>{row.state === 'refused' ? 'Make again' : 'Bind again'}</Button>
    </Form>
  )
}
