/**
 * Keeps a page fresh by loading its data again, and says when that fails. A hidden page requests
 * nothing; one that becomes visible requests at once.
 */
import { useMatches, useNavigation, useRevalidator } from '@remix-run/react'
import { useEffect, useRef, useState } from 'react'
import { rememberAnswer } from './keep-last-answer'

export type Live =
  | { kind: 'off' }
  | { kind: 'held' }
  | { kind: 'live'; everySeconds: number }
  /** No answer since the last good one, so many seconds ago. */
  | { kind: 'stale'; seconds: number }

/** An answer that takes longer than this beyond its turn is late, and the page says so. */
const patienceMs = 3_000
const tickMs = 500

/**
 * Whether the reader types, has a list open, or has selected text or rows: then nothing may move
 * under them.
 */
function isReaderBusy(): boolean {
  const active = document.activeElement
  const typing =
    active instanceof HTMLSelectElement ||
    ((active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement) &&
      active.value !== active.defaultValue)
  if (typing && active.closest('main')) return true
  if (document.getSelection()?.type === 'Range') return true
  return [...document.querySelectorAll<HTMLInputElement>('main input[type=checkbox]')].some(
    (box) => box.checked && !box.defaultChecked,
  )
}

/**
 * `loadedAt` changes with every good answer. `everyMs` is null when there is nothing to wait for;
 * `held` pauses the requests for as long as it is true.
 */
export function useLive({
  loadedAt,
  everyMs,
  on = true,
  held = false,
}: {
  loadedAt: string
  everyMs: number | null
  on?: boolean
  held?: boolean
}): Live {
  const { revalidate, state } = useRevalidator()
  const [lateSeconds, setLateSeconds] = useState<number | null>(null)
  const [busy, setBusy] = useState(false)
  const lastGood = useRef(0)
  const loading = useRef(false)
  // Whoever is on the way to another page needs nothing new of this one.
  const leaving = useNavigation().state !== 'idle'
  loading.current = state !== 'idle' || leaving

  const loaded = useMatches().at(-1)?.data
  useEffect(
    () => rememberAnswer(location.origin + location.pathname + location.search, loaded),
    [loaded],
  )

  useEffect(() => {
    lastGood.current = performance.now()
    setLateSeconds(null)
  }, [loadedAt, everyMs, on, held])

  useEffect(() => {
    if (!on || held || everyMs === null) return
    // Pages that were opened together do not request together.
    const turnMs = everyMs * (0.8 + 0.4 * Math.random())
    let lastTry = 0
    const load = () => {
      if (document.hidden || loading.current || isReaderBusy()) return
      lastTry = performance.now()
      revalidate()
    }
    const tick = () => {
      const readerBusy = isReaderBusy()
      setBusy(readerBusy)
      if (document.hidden || readerBusy) lastGood.current = performance.now()
      const quiet = performance.now() - lastGood.current
      if (quiet >= turnMs && performance.now() - lastTry >= turnMs) load()
      setLateSeconds(quiet > everyMs + patienceMs ? Math.floor(quiet / 1_000) : null)
    }
    const timer = setInterval(tick, tickMs)
    document.addEventListener('visibilitychange', load)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', load)
    }
  }, [on, held, everyMs, revalidate])

  if (!on || everyMs === null) return { kind: 'off' }
  if (held || busy) return { kind: 'held' }
  return lateSeconds === null
    ? { kind: 'live', everySeconds: everyMs / 1_000 }
    : { kind: 'stale', seconds: lateSeconds }
}
