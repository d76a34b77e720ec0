import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  type ActionFunctionArgs,
  type AppLoadContext,
  type EntryContext,
  type HandleDataRequestFunction,
  type LoaderFunctionArgs,
} from '@remix-run/node'
import { RemixServer } from '@remix-run/react'
import { renderToPipeableStream } from 'react-dom/server'
import { ResponseFactsProvider } from '~/components/base/response-facts'
import { loggedPath } from '~/web/logged-path'

const renderTimeoutMs = 5_000

export default function handleRequest(
  request: Request,
  status: number,
  headers: Headers,
  remixContext: EntryContext,
  { cspNonce, requestId, ctx }: AppLoadContext,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let failed = false
    const { entry, hmrRuntime } = remixContext.manifest
    const hotReload = hmrRuntime ? `import ${JSON.stringify(hmrRuntime)};` : ''
    const islandScript = `${hotReload}import(${JSON.stringify(entry.module)})`
    const { pipe, abort } = renderToPipeableStream(
      <ResponseFactsProvider value={{ nonce: cspNonce, requestId, islandScript }}>
        <RemixServer
          context={remixContext}
          url={request.url}
          abortDelay={renderTimeoutMs}
          nonce={cspNonce}
        />
      </ResponseFactsProvider>,
      {
        nonce: cspNonce,
        // Nothing of a page is deferred, so the status is known before the document is sent.
        onAllReady() {
          headers.set('Content-Type', 'text/html; charset=utf-8')
          if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
          const body = new PassThrough()
          // In one piece: compressing it chunk by chunk costs more than rendering it.
          buffer(body).then(
            (document) =>
              resolve(new Response(document, { headers, status: failed ? 500 : status })),
            reject,
          )
          pipe(body)
        },
        onShellError: reject,
        onError(error: unknown) {
          failed = true
          ctx.log.error(
            { error, path: loggedPath(new URL(request.url).pathname) },
            'rendering a page failed',
          )
        },
      },
    )
    setTimeout(abort, renderTimeoutMs + 1_000).unref()
  })
}

export const handleDataRequest: HandleDataRequestFunction = (response) => {
  if (!response.headers.has('Cache-Control')) response.headers.set('Cache-Control', 'no-store')
  return response
}

/** Logs errors of loaders and actions. Without the query: it may hold what a provider sent. */
export function handleError(
  error: unknown,
  { request, context }: LoaderFunctionArgs | ActionFunctionArgs,
): void {
  if (request.signal.aborted) return
  context.ctx.log.error(
    { error, method: request.method, path: loggedPath(new URL(request.url).pathname) },
    'a request failed',
  )
}
