import { useSyncExternalStore } from 'react'

/** False on the server and during hydration, true afterwards: for what only works with a script. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    subscribeToNothing,
    () => true,
    () => false,
  )
}

const subscribeToNothing = () => () => undefined
