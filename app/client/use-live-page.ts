/**
 * Fetches the page's data again while something is under way; not while the tab is hidden, and at
 * once when it is shown again.
 */
import { useRevalidator } from '@remix-run/react'
import { useEffect, useRef } from 'react'

export function useLivePage(underWay: boolean, everyMs = 2_000): void {
  const revalidator = useRevalidator()
  const current = useRef(revalidator)
  current.current = revalidator
  useEffect(() => {
    if (!underWay) return
    const refresh = () => {
      if (!document.hidden && current.current.state === 'idle') current.current.revalidate()
    }
    const timer = setInterval(refresh, everyMs)
    document.addEventListener('visibilitychange', refresh)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', refresh)
    }
  }, [underWay, everyMs])
}
