import { redirect } from '@remix-run/node'
import { renderToStaticMarkup } from 'react-dom/server'
import { z } from 'zod'
import { PlainDocument } from '~/components/base/plain-document'
import { askForMore, type AskOutcome } from '~/domain/claim/limit-requests.server'
import styles from '~/styles/app.css?url'
import { claimUrl } from '~/urls'
import { handler } from '~/web/handler.server'
import { parseForm, requiredText, usdAmount } from '~/web/parse-form.server'
import { refuseOverLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

export const loader = handler(async ({ params }) => redirect(claimUrl(params.workshop ?? ''), 303))

const formSchema = z.object({
  amount: usdAmount('Enter how much more you need in USD, such as 2 or 2.50.'),
  why: requiredText(300, 'Say in one sentence what you need it for.'),
})

/** Asks the organisers for a higher limit. Changes nothing of the key. */
export const action = handler(async ({ request, params, ctx, auth, ip }) => {
  const slug = params.workshop ?? ''
  const viewer = await requireViewer({ request, ctx, auth })
  const refused = await refuseOverLimit(
    { request, ctx, ip },
    'ask-for-more',
    viewer,
    claimUrl(slug),
  )
  if (refused) return refused
  const form = await parseForm(formSchema, request)
  if (!form.ok) return notSent(slug, Object.values(form.problems)[0] ?? '', 422)
  const { amount, why } = form.value
  const outcome = await askForMore(
    ctx,
    { workshopSlug: slug, userId: viewer.userId },
    { more: amount, reason: why },
  )
  return outcome.kind === 'asked'
    ? redirect(claimUrl(slug), 303)
    : notSent(slug, refusals[outcome.reason], 409)
})

const refusals: Record<Extract<AskOutcome, { kind: 'refused' }>['reason'], string> = {
  'not-offered': 'This workshop takes no requests here. Talk to the organiser.',
  'no-key': 'You have no live key in this workshop, so there is no limit to raise.',
  'not-low': 'More than a fifth of your budget is left. Request more when it runs low.',
  'open-already': 'You have requested more already, and the organiser has not decided yet.',
  'more-than-pool': 'This is more than the whole workshop may spend. Request less.',
}

function notSent(slug: string, message: string, status: number): Response {
  const html = `<!doctype html>${renderToStaticMarkup(<NotSent slug={slug} message={message} />)}`
  return new Response(html, {
    status,
    headers: { 'Cache-Control': 'no-store', 'Content-Type': 'text/html; charset=utf-8' },
  })
}

function NotSent({ slug, message }: { slug: string; message: string }) {
  return (
    <PlainDocument title="Not sent · Keymint" stylesheet={styles}>
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">We did not send your request</h1>
        <p className="text-lead text-soft">{message}</p>
        <p>
          <a className="button" href={claimUrl(slug)}>
            Back to your key
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
