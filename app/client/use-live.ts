/**
 * Keeps a page fresh by loading its data again, and says when that fails. A hidden page asks
 * nothing; one that comes back asks at once.
 */
import { useRevalidator } from '@remix-run/react'
import { useEffect, useRef, useState } from 'react'

export type Live =
  | { kind: 'off' }
  | { kind: 'held' }
  | { kind: 'live'; everySeconds: number }
  /** No answer since the last good one, so many seconds ago. */
  | { kind: 'stale'; seconds: number }

/** An answer that takes longer than this beyond its turn is missed, and the page says so. */
const patienceMs = 3_000

/**
 * `loadedAt` changes with every good answer; `held` stops the asking, for as long as it is true.
 */
export function useLive({
  loadedAt,
  everyMs,
  on,
  held,
}: {
  loadedAt: string
  everyMs: number
  on: boolean
  held: boolean
}): Live {
  const { revalidate, state } = useRevalidator()
  const [quietMs, setQuietMs] = useState(0)
  const lastGood = useRef(0)
  const asking = useRef(false)
  asking.current = state !== 'idle'

  useEffect(() => {
    lastGood.current = performance.now()
    setQuietMs(0)
  }, [loadedAt, on, held])

  useEffect(() => {
    if (!on || held) return
    const ask = () => {
      if (!document.hidden && !asking.current) revalidate()
    }
    const tick = () => {
      const quiet = performance.now() - lastGood.current
      if (document.hidden) lastGood.current = performance.now()
      else if (quiet >= everyMs) ask()
      setQuietMs(document.hidden ? 0 : quiet)
    }
    const timer = setInterval(tick, 1_000)
    document.addEventListener('visibilitychange', ask)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', ask)
    }
  }, [on, held, everyMs, revalidate])

  if (!on) return { kind: 'off' }
  if (held) return { kind: 'held' }
  return quietMs > everyMs + patienceMs
    ? { kind: 'stale', seconds: Math.floor(quietMs / 1_000) }
    : { kind: 'live', everySeconds: everyMs / 1_000 }
}
