import { redirect } from '@remix-run/node'
import { renderToStaticMarkup } from 'react-dom/server'
import { KeyTest } from '~/components/claim/key-test'
import { PlainDocument } from '~/components/base/plain-document'
import { testKey } from '~/domain/claim/test-key.server'
import type { KeyTestResult } from '~/domain/claim/view-types'
import styles from '~/styles/app.css?url'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { getViewer, requireViewer } from '~/web/session.server'

/** A result belongs to one test: a GET has none to show. */
export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

/** Asks the provider about the key. The page's script gets JSON, a form without a script a page. */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const asJson = (request.headers.get('Accept') ?? '').includes('application/json')
  const viewer = asJson
    ? await getViewer({ request, ctx, auth })
    : await requireViewer({ request, ctx, auth })
  if (!viewer) return Response.json({ problem: 'signed-out' }, { status: 401, headers: noStore })
  const refused = await refuseOverLimit({ request, ctx, ip }, 'key-test', viewer, claimUrl(slug))
  if (refused) return refused
  const real = (await readFields(request)).get('real') === 'yes'
  const found = await testKey(ctx, { workshopSlug: slug, userId: viewer.userId }, { real })
  const status = found ? 200 : 404
  if (asJson) return Response.json(found ?? { problem: 'no-key' }, { status, headers: noStore })
  const html = `<!doctype html>${renderToStaticMarkup(<ResultPage slug={slug} found={found} />)}`
  return new Response(html, {
    status,
    headers: { ...noStore, 'Content-Type': 'text/html; charset=utf-8' },
  })
})

const noStore = { 'Cache-Control': 'no-store' }

function ResultPage({ slug, found }: { slug: string; found: KeyTestResult | null }) {
  return (
    <PlainDocument title="Key test · Keymint" stylesheet={styles}>
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">
          {found ? 'What the provider says' : 'There is no key to test'}
        </h1>
        {found ? (
          <KeyTest found={found} />
        ) : (
          <p className="text-lead text-soft">You have never claimed one here, or it is gone.</p>
        )}
        <p>
          <a className="button" href={claimUrl(slug)}>
            {found ? 'Back to your key' : 'Back to your claim'}
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
