import { redirect } from '@remix-run/node'
import { renderToStaticMarkup } from 'react-dom/server'
import { Callout } from '~/components/base/callout'
import { PlainDocument } from '~/components/base/plain-document'
import { envFile, gitignoreLine } from '~/components/claim/snippets'
import { revealKey, type RevealOutcome } from '~/domain/claim/reveal.server'
import styles from '~/styles/app.css?url'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { getViewer, requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

/**
 * Shows the key to its owner. No component is exported: a page of the app would repeat the key in
 * its scripts, and this document has none.
 */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const present = await getViewer({ request, ctx, auth })
  // Before the form is read; a stranger uses up nothing that others share.
  const refused =
    present && (await refuseOverLimit({ request, ctx, ip }, 'reveal', present, claimUrl(slug)))
  if (refused) return refused
  const asJson =
    (request.headers.get('Accept') ?? '').includes('application/json') ||
    (await readFields(request)).get('as') === 'json'
  if (!present && asJson) return json({ problem: 'signed-out' }, 401)
  const viewer = present ?? (await requireViewer({ request, ctx, auth }))
  const outcome = await revealKey(ctx, { workshopSlug: slug, userId: viewer.userId })
  const status = outcome.kind === 'revealed' ? 200 : outcome.kind === 'not-yet' ? 409 : 404
  if (asJson)
    return json(
      outcome.kind === 'revealed' ? { key: outcome.key } : { problem: outcome.kind },
      status,
    )
  const page = renderToStaticMarkup(
    <RevealedPage slug={slug} outcome={outcome} baseUrl={ctx.settings.providerBaseUrl} />,
  )
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

const json = (body: unknown, status: number) =>
  Response.json(body, { status, headers: secretHeaders })

const titles: Record<RevealOutcome['kind'], string> = {
  revealed: 'Your key',
  'not-yet': 'Your key is not ready yet',
  'no-key': 'There is no key to show',
}

function RevealedPage({
  slug,
  outcome,
  baseUrl,
}: {
  slug: string
  outcome: RevealOutcome
  baseUrl: string
}) {
  return (
    <PlainDocument title={`${titles[outcome.kind]} · Keymint`} stylesheet={styles}>
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">{titles[outcome.kind]}</h1>
        {outcome.kind === 'revealed' ? (
          <>
            <p className="rounded-card bg-card p-6 font-mono text-body break-all text-card-ink select-all">
              {outcome.key}
            </p>
            <p>Copy it now. You can show it again from your claim page until it expires.</p>
            <h2 className="text-head">Your .env file</h2>
            <pre
              tabIndex={0}
              aria-label="Your .env file"
              className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small"
            >
              {envFile(outcome.key, baseUrl)}
            </pre>
            <Callout tone="warning" title="Keep it out of git">
              <p>
                Add the line <code className="font-mono">{gitignoreLine}</code> to your .gitignore
                before your first commit.
              </p>
            </Callout>
          </>
        ) : (
          <p className="text-lead text-soft">
            {outcome.kind === 'not-yet'
              ? 'We are still setting its limits. Go back and try again in a few seconds.'
              : 'It has ended, or you never had one. Your claim page says which.'}
          </p>
        )}
        <p>
          <a className="button" href={claimUrl(slug)}>
            {outcome.kind === 'revealed' ? 'Hide the key and go back' : 'Back to your claim'}
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
