import { redirect } from '@remix-run/node'
import { renderToStaticMarkup } from 'react-dom/server'
import { PlainDocument } from '~/components/base/plain-document'
import {
  replaceEveryMinutes,
  replaceOwnKey,
  type ReplaceOutcome,
} from '~/domain/claim/replace-key.server'
import styles from '~/styles/app.css?url'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

/** Replaces a leaked key. A post without the confirmation of the page's own form does nothing. */
export const action = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  if ((await request.formData()).get('confirm') !== 'yes') return redirect(claimUrl(slug), 303)
  const outcome = await replaceOwnKey(ctx, { workshopSlug: slug, userId: viewer.userId })
  if (outcome.kind === 'started') return redirect(claimUrl(slug), 303)
  const html = `<!doctype html>${renderToStaticMarkup(<NotReplaced slug={slug} outcome={outcome} />)}`
  return new Response(html, {
    status: outcome.kind === 'too-soon' ? 429 : 409,
    headers: {
      'Cache-Control': 'no-store',
      'Content-Type': 'text/html; charset=utf-8',
      ...(outcome.kind === 'too-soon' ? { 'Retry-After': String(outcome.minutes * 60) } : {}),
    },
  })
})

function wordsFor(outcome: Exclude<ReplaceOutcome, { kind: 'started' }>): string {
  switch (outcome.kind) {
    case 'too-soon':
      return `You replaced it a moment ago. A key can be replaced once in ${replaceEveryMinutes} minutes: try again in ${outcome.minutes} ${outcome.minutes === 1 ? 'minute' : 'minutes'}. If it cannot wait, ask the organiser, who can switch it off at once.`
    case 'disabled':
      return 'It is switched off already, by the organiser, so nobody can use it. Ask the organiser for a new one.'
    case 'spent':
      return 'Its whole cap has been used, so there is nothing left for a new key, and nothing that anybody could spend with this one.'
    case 'no-key':
      return 'There is no live key to replace. It has ended, or the new one is being made already: your claim page says which.'
  }
}

function NotReplaced({
  slug,
  outcome,
}: {
  slug: string
  outcome: Exclude<ReplaceOutcome, { kind: 'started' }>
}) {
  return (
    <PlainDocument title="Not replaced · Keymint" stylesheet={styles}>
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">Your key was not replaced.</h1>
        <p className="text-lead text-soft">{wordsFor(outcome)}</p>
        <p>
          <a className="button" href={claimUrl(slug)}>
            Back to your key
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
