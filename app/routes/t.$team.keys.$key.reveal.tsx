import { redirect } from '@remix-run/node'
import { renderToStaticMarkup } from 'react-dom/server'
import { PlainDocument } from '~/components/base/plain-document'
import { subKeyUrl } from '~/urls'
import { revealSubKey, type SubKeyReveal } from '~/domain/team/reveal.server'
import styles from '~/styles/app.css?url'
import { handler } from '~/web/handler.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireMember(args)
  return redirect(subKeyUrl(team.slug, args.params.key ?? ''), 303)
})

/**
 * Shows the key to its holder, or to an owner where a service account holds it. No component is
 * exported, because a page of the app would repeat the key in its scripts. This document has none.
 */
export const action = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const back = subKeyUrl(team.slug, args.params.key ?? '')
  const refused = await refuseOverLimit(args, 'reveal', viewer, back)
  if (refused) return refused
  const outcome = await revealSubKey(args.ctx, {
    teamId: team.teamId,
    keyId: args.params.key ?? '',
    userId: viewer.userId,
  })
  const status = outcome.kind === 'revealed' ? 200 : 404
  if ((args.request.headers.get('Accept') ?? '').includes('application/json')) {
    return Response.json(
      outcome.kind === 'revealed'
        ? { key: outcome.key, parts: outcome.parts }
        : { problem: outcome.kind },
      { status, headers: secretHeaders },
    )
  }
  const page = renderToStaticMarkup(<RevealedPage backTo={back} outcome={outcome} />)
  return new Response(`<!doctype html>${page}`, {
    status,
    headers: { ...secretHeaders, 'Content-Type': 'text/html; charset=utf-8' },
  })
})

const secretHeaders = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Robots-Tag': 'noindex',
}

function RevealedPage({ backTo, outcome }: { backTo: string; outcome: SubKeyReveal }) {
  const title = outcome.kind === 'revealed' ? 'Your key' : 'There is no key to show'
  return (
    <PlainDocument title={`${title} · Keymint`} stylesheet={styles}>
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">{title}</h1>
        {outcome.kind === 'revealed' ? (
          <>
            {outcome.parts.map(({ label, value }) => (
              <div key={label}>
                {outcome.parts.length > 1 ? <h2 className="font-semibold">{label}</h2> : null}
                <p className="rounded-card bg-card p-6 font-mono text-body break-all text-card-ink select-all">
                  {value}
                </p>
              </div>
            ))}
            <p>
              Copy it now. You can show it again from its page until it ends.
              {outcome.baseUrl ? ` Use it at ${outcome.baseUrl}.` : ''}
            </p>
          </>
        ) : (
          <p className="text-lead text-soft">
            The key has ended, is being replaced, or was never made. Its page shows which.
          </p>
        )}
        <p>
          <a className="button" href={backTo}>
            {outcome.kind === 'revealed' ? 'Hide the key and go back' : 'Back to the key'}
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
