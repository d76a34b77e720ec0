/**
 * Rate limits, checked before anything else. A refusal is a 429 with a message and a Retry-After,
 * and leaves one line in the log.
 */
import { renderToStaticMarkup } from 'react-dom/server'
import type { LimitName } from '~/adapters/rate-limits.server'
import { errorMessage } from '~/components/base/error-page'
import { PlainDocument } from '~/components/base/plain-document'
import type { Ctx } from '~/domain/ctx'
import styles from '~/styles/app.css?url'

type Args = {
  request: Request
  ctx: Pick<Ctx, 'limits' | 'log'>
  ip?: string | null
  /** What tells this browser from others behind its address, where we have given it something. */
  browser?: string | null
}
type Person = { userId: string } | null

/**
 * For routes that are pages: throws the 429 that the error page explains. Without `ip` only the
 * person is counted.
 */
export async function requireWithinLimit(
  args: Args,
  name: LimitName,
  person: Person,
): Promise<void> {
  const seconds = await secondsOver(args, name, person)
  if (seconds !== null)
    throw new Response(`too-many-requests:${seconds}`, { status: 429, headers: headersOf(seconds) })
}

/**
 * For routes that build their own response: the refusal as a page or, where JSON was requested, as
 * JSON. Null means within the limit.
 */
export async function refuseOverLimit(
  args: Args,
  name: LimitName,
  person: Person,
  back: string,
): Promise<Response | null> {
  const seconds = await secondsOver(args, name, person)
  if (seconds === null) return null
  if ((args.request.headers.get('Accept') ?? '').includes('application/json')) {
    return Response.json(
      { problem: 'too-many-requests', retryAfterSeconds: seconds },
      { status: 429, headers: headersOf(seconds) },
    )
  }
  const html = `<!doctype html>${renderToStaticMarkup(<TooManyRequests seconds={seconds} back={back} />)}`
  return new Response(html, {
    status: 429,
    headers: { ...headersOf(seconds), 'Content-Type': 'text/html; charset=utf-8' },
  })
}

/**
 * Seconds until the next attempt, or null when this one is within the limit: for routes with a
 * message of their own.
 */
async function secondsOver(
  { request, ctx, ip, browser }: Args,
  name: LimitName,
  person: Person,
): Promise<number | null> {
  const seconds = await ctx.limits.consume(name, {
    userId: person?.userId ?? null,
    browser: browser ?? null,
    address: ip ?? null,
  })
  if (seconds !== null)
    ctx.log.warn(
      {
        limit: name,
        userId: person?.userId ?? null,
        path: new URL(request.url).pathname,
        retryAfterSeconds: seconds,
      },
      'a request was over its limit',
    )
  return seconds
}

const headersOf = (seconds: number) => ({
  'Retry-After': String(seconds),
  'Cache-Control': 'no-store',
})

function TooManyRequests({ seconds, back }: { seconds: number; back: string }) {
  const message = errorMessage(429, `too-many-requests:${seconds}`)
  return (
    <PlainDocument title={`${message.title} · Keymint`} stylesheet={styles}>
      <main id="main" className="mx-auto w-full max-w-read space-y-6 px-5 py-12">
        <h1 className="text-title">{message.title}</h1>
        <p className="text-lead text-soft">{message.meaning}</p>
        <p>{message.next}</p>
        <p>
          <a className="button" href={back}>
            Back
          </a>
        </p>
      </main>
    </PlainDocument>
  )
}
