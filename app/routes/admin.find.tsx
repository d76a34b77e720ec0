import type { MetaFunction } from '@remix-run/node'
import { useLoaderData } from '@remix-run/react'
import { AdminShell } from '~/components/staff/admin-shell'
import { FindForms, FoundClaims, FoundKeyBox } from '~/components/staff/find-claims'
import { findClaims, findKey, maxFound } from '~/domain/staff/find-claims.server'
import { adminActUrl, adminClaimUrl, adminWorkshopUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { requireStaff } from '~/web/session.server'
import { cut } from '~/text'

const longestText = 200

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireStaff({ request, ctx, auth })
  const params = new URL(request.url).searchParams
  const text = cut(params.get('text')?.trim() ?? '', longestText)
  const typedHash = params.get('hash') ?? (/^[0-9a-f]{64}$/.test(text) ? text : '')
  const hash = /^[0-9a-f]{64}$/.test(typedHash) ? typedHash : null
  const titleOf = (slug: string) => ctx.workshops.workshops.get(slug)?.title ?? slug
  const [claims, key] = await Promise.all([
    text !== '' && hash === null ? findClaims(ctx, text) : [],
    hash === null ? null : findKey(ctx, hash),
  ])
  const view = (claim: (typeof claims)[number]) => ({
    ...claim,
    workshop: titleOf(claim.workshopSlug),
    href: adminClaimUrl(claim.workshopSlug, claim.claimId),
  })
  return {
    text: hash === null ? text : '',
    hash,
    claims: claims.map(view),
    max: maxFound,
    key: key && {
      off: key.off,
      confirmedOff: key.confirmedOff,
      holder:
        key.holder.kind === 'team'
          ? key.holder
          : key.holder.kind === 'spare'
            ? {
                kind: key.holder.kind,
                workshop: titleOf(key.holder.workshopSlug),
                href: adminWorkshopUrl(key.holder.workshopSlug),
              }
            : {
                ...key.holder,
                claim: view(key.holder.claim),
                act: adminActUrl(key.holder.claim.workshopSlug),
              },
    },
    mayAct: viewer.role === 'admin',
  }
})

export const meta: MetaFunction = () => [{ title: 'Find · Admin · Keymint' }]

export default function AdminFind() {
  const { text, hash, claims, max, key, mayAct } = useLoaderData<typeof loader>()
  return (
    <AdminShell title="Find a person or a key" lead="Searches every workshop.">
      <FindForms text={text} />
      {hash === null ? null : <FoundKeyBox found={key} mayAct={mayAct} />}
      {text === '' ? null : <FoundClaims text={text} claims={claims} max={max} />}
    </AdminShell>
  )
}
