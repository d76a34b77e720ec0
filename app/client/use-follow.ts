/**
 * Asks for the page's data again for as long as the server says that something is under way. A
 * hidden page asks nothing.
 */
import { useRevalidator } from '@remix-run/react'
import { useEffect } from 'react'

export function useFollow(nextPollMs: number | null): void {
  const { revalidate, state } = useRevalidator()
  useEffect(() => {
    if (nextPollMs === null || state !== 'idle') return
    const ask = () => {
      if (!document.hidden) revalidate()
    }
    const timer = setInterval(ask, nextPollMs * (0.8 + 0.4 * Math.random()))
    document.addEventListener('visibilitychange', ask)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', ask)
    }
  }, [nextPollMs, state, revalidate])
}
