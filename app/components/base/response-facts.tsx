/** Facts of one response: its CSP nonce, and its id in the log. */
import { createContext, useContext } from 'react'

type ResponseFacts = {
  nonce: string | undefined
  requestId: string | null
  /** What an island's page runs in place of the router's scripts. */
  islandScript: string | null
}

const ResponseFactsContext = createContext<ResponseFacts>({
  nonce: undefined,
  requestId: null,
  islandScript: null,
})

export const ResponseFactsProvider = ResponseFactsContext.Provider

/** Undefined in the browser, which hides nonces from scripts anyway. */
export function useNonce(): string | undefined {
  return useContext(ResponseFactsContext).nonce
}

export function useRequestId(): string | null {
  return useContext(ResponseFactsContext).requestId
}

export function useIslandScript(): string | null {
  return useContext(ResponseFactsContext).islandScript
}
