/** Keeps the claim page fresh: polls a few bytes, and fetches the page's data when they change. */
import { useCallback, useEffect, useRef, useState } from 'react'
import type { ClaimPageData } from '~/components/claim/claim-page-data'
import { isClaimPulse, type Watch } from './poll'
import { watchPage } from './watch-page'

/** A timer that is set for longer fires at once. */
const maxTimerMs = 2 ** 31 - 10_000

export type ClaimWatch = Watch & {
  /** performance.now() of the last good answer. */
  lastGood: number
}

export function useClaimPage(loaded: ClaimPageData): {
  page: ClaimPageData
  watch: ClaimWatch
  /** Loads the page's data now, whatever the polls say. */
  refresh: () => Promise<void>
} {
  const [page, setPage] = useState(loaded)
  const [watch, setWatch] = useState<ClaimWatch>({ failures: 0, pulse: null, lastGood: 0 })
  const version = useRef(loaded.version)
  const { status, view } = page.urls
  const firstPollMs = page.claim?.nextPollMs ?? null
  const watching = firstPollMs !== null
  const firstDelay = useRef(firstPollMs ?? 0)

  const busy = useRef(false)
  const refresh = useCallback(async (): Promise<void> => {
    if (busy.current) return
    busy.current = true
    const next = await fetchPage(view).catch(() => null)
    busy.current = false
    if (!next) return
    version.current = next.version
    setPage(next)
  }, [view])

  // A key that ends while its page is open is not offered any longer.
  const endsAt = page.claim?.state === 'ready' ? (page.claim.key?.expiresAt ?? null) : null
  const asOf = page.claim?.asOf ?? null
  useEffect(() => {
    if (endsAt === null || asOf === null) return
    const endsInMs = Date.parse(endsAt) - Date.parse(asOf)
    if (endsInMs > maxTimerMs) return
    const timer = setTimeout(() => void refresh(), Math.max(0, endsInMs) + 1_000)
    return () => clearTimeout(timer)
  }, [endsAt, asOf, refresh])

  useEffect(() => {
    if (!watching) return
    setWatch((before) => ({ ...before, lastGood: performance.now() }))
    return watchPage({
      url: status,
      firstDelayMs: firstDelay.current,
      isOurs: isClaimPulse,
      onWatch: (next) => {
        setWatch((before) => ({
          ...next,
          lastGood: next.failures === 0 ? performance.now() : before.lastGood,
        }))
        if (next.failures === 0 && next.pulse && next.pulse.v !== version.current) void refresh()
      },
    })
  }, [status, refresh, watching])

  return { page, watch, refresh }
}

/** Null for anything but our answer: the next poll retries. */
async function fetchPage(url: string): Promise<ClaimPageData | null> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(10_000),
    cache: 'no-store',
    headers: { Accept: 'application/json' },
  })
  if (!response.ok || !response.headers.get('Content-Type')?.includes('application/json'))
    return null
  return (await response.json()) as ClaimPageData
}
