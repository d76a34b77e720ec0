/** Keeps the claim page fresh: polls a few bytes, and fetches the page's data when they change. */
import { useEffect, useRef, useState } from 'react'
import type { ClaimPageData } from '~/components/claim/claim-page-data'
import { readAnswer, watch as startWatch, type Watch } from './poll'

export type ClaimWatch = Watch & {
  /** performance.now() of the last good answer. */
  lastGood: number
}

export function useClaimPage(loaded: ClaimPageData): { page: ClaimPageData; watch: ClaimWatch } {
  const [page, setPage] = useState(loaded)
  const [watch, setWatch] = useState<ClaimWatch>({ failures: 0, pulse: null, lastGood: 0 })
  const version = useRef(loaded.version)
  const { status, view } = page.urls
  const firstPollMs = page.claim?.nextPollMs ?? null
  const watching = firstPollMs !== null
  const firstDelay = useRef(firstPollMs ?? 0)

  useEffect(() => {
    if (!watching) return
    const refreshing = new AbortController()
    let busy = false
    setWatch((before) => ({ ...before, lastGood: performance.now() }))

    async function refresh(): Promise<void> {
      if (busy) return
      busy = true
      const next = await fetchPage(view, refreshing.signal).catch(() => null)
      busy = false
      if (!next || refreshing.signal.aborted) return
      version.current = next.version
      setPage(next)
    }

    const watcher = startWatch({
      firstDelayMs: firstDelay.current,
      ask: async (signal) =>
        readAnswer(
          await fetch(status, {
            signal,
            cache: 'no-store',
            headers: { Accept: 'application/json' },
          }),
        ),
      isHidden: () => document.hidden,
      random: Math.random,
      onWatch: (next) => {
        setWatch((before) => ({
          ...next,
          lastGood: next.failures === 0 ? performance.now() : before.lastGood,
        }))
        if (next.failures === 0 && next.pulse && next.pulse.v !== version.current) void refresh()
      },
      // Signed out, or no such claim any more: the server's page explains it.
      onGone: () => location.reload(),
    })
    const wake = () => watcher.wake()
    const wakeFromCache = (event: PageTransitionEvent) => event.persisted && watcher.wake()
    document.addEventListener('visibilitychange', wake)
    addEventListener('online', wake)
    addEventListener('pageshow', wakeFromCache)
    return () => {
      refreshing.abort()
      watcher.stop()
      document.removeEventListener('visibilitychange', wake)
      removeEventListener('online', wake)
      removeEventListener('pageshow', wakeFromCache)
    }
  }, [status, view, watching])

  return { page, watch }
}

/** Null for anything but our answer: the next poll retries. */
async function fetchPage(url: string, signal: AbortSignal): Promise<ClaimPageData | null> {
  const response = await fetch(url, {
    signal,
    cache: 'no-store',
    headers: { Accept: 'application/json' },
  })
  if (!response.ok || !response.headers.get('Content-Type')?.includes('application/json'))
    return null
  return (await response.json()) as ClaimPageData
}
