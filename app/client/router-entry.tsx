import { RemixBrowser } from '@remix-run/react'
import { startTransition, StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { ResponseFactsProvider } from '~/components/base/response-facts'

export function startRouter(): void {
  const requestId =
    document.querySelector<HTMLMetaElement>('meta[name="request-id"]')?.content ?? null
  startTransition(() => {
    hydrateRoot(
      document,
      <StrictMode>
        <ResponseFactsProvider value={{ nonce: undefined, requestId, islandScript: null }}>
          <RemixBrowser />
        </ResponseFactsProvider>
      </StrictMode>,
    )
  })
}
