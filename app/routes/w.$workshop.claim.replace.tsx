import { redirect } from '@remix-run/node'
import { renderToStaticMarkup } from 'react-dom/server'
import { z } from 'zod'
import { PlainDocument } from '~/components/base/plain-document'
import {
  replaceEveryMinutes,
  replaceOwnKey,
  type ReplaceOutcome,
} from '~/domain/claim/replace-key.server'
import styles from '~/styles/app.css?url'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { parseForm } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

const formSchema = z.object({ confirm: z.literal('yes') })

/** Replaces a leaked key. A post without the confirmation of the page's own form does nothing. */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const refused = await refuseOverLimit({ request, ctx, ip }, 'claim', viewer, claimUrl(slug))
  if (refused) return refused
  if (!(await parseForm(formSchema, request)).ok) return redirect(claimUrl(slug), 303)
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

type NotReplacedOutcome = Exclude<ReplaceOutcome, { kind: 'started' }>

function messageFor(outcome: NotReplacedOutcome): string {
  switch (outcome.kind) {
    case 'too-soon':
      return (
        `You can replace a key once in ${replaceEveryMinutes} minutes. Try again in ` +
        `${outcome.minutes} ${outcome.minutes === 1 ? 'minute' : 'minutes'}. ` +
        'If it cannot wait, disable it now: nobody can use it from then on, and the organiser can ' +
        'give you another one.'
      )
    case 'disabled':
      return (
        'The organiser has already disabled it, so nobody can use it. ' +
        'Ask the organiser for a new one.'
      )
    case 'spent':
      return 'Its whole budget is used up: nobody can spend more, and a new key would be empty.'
    case 'no-key':
      return 'It has ended, or we are already making the new one. Your claim page says which.'
  }
}

function NotReplaced({ slug, outcome }: { slug: string; outcome: NotReplacedOutcome }) {
  return (
    <PlainDocument title="Not replaced · Keymint" stylesheet={styles} referrer="same-origin">
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">We did not replace your key</h1>
        <p className="text-lead text-soft">{messageFor(outcome)}</p>
        {outcome.kind === 'too-soon' ? (
          <form method="post" action="/me">
            <input type="hidden" name="claimId" value={outcome.claimId} />
            <button type="submit" className="button" name="intent" value="give-back">
              Disable it now and give it back
            </button>
          </form>
        ) : null}
        <p>
          <a className="button" href={claimUrl(slug)}>
            Back to your key
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
