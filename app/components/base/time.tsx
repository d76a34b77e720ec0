/**
 * Times for readers. The server prints UTC; the browser then adds the reader's own zone.
 */
import { useEffect, useState } from 'react'
import { useHydrated } from './hydrated'
import { clockWords, spanWords, timeWords } from './time-words'

/**
 * Milliseconds since the server answered, by a monotonic clock. Zero until the page is hydrated.
 */
function useElapsed(asOf: string, everyMs: number): number {
  const [elapsed, setElapsed] = useState(0)
  useEffect(() => {
    const start = performance.now()
    setElapsed(0)
    const timer = setInterval(() => setElapsed(performance.now() - start), everyMs)
    return () => clearInterval(timer)
  }, [asOf, everyMs])
  return elapsed
}

/** The present as ISO UTC: what the server said, plus the time passed since. */
export function useServerNow(asOf: string, everyMs = 1000): string {
  return new Date(Date.parse(asOf) + useElapsed(asOf, everyMs)).toISOString()
}

/** "Tue 14 Apr, 18:00 CEST (16:00 UTC)"; without a script "Tue 14 Apr, 16:00 UTC". */
export function Time({ iso, now }: { iso: string; now: string }) {
  const hydrated = useHydrated()
  const zone = hydrated ? Intl.DateTimeFormat().resolvedOptions().timeZone : 'UTC'
  const local = timeWords(iso, { timeZone: zone, now })
  const utc = clockWords(iso, 'UTC')
  return <time dateTime={iso}>{local.endsWith(utc) ? local : `${local} (${utc})`}</time>
}

/** "in 3 h 12 min", counting down; `passed` once it is over. */
export function Countdown({ iso, asOf, passed }: { iso: string; asOf: string; passed: string }) {
  const now = useServerNow(asOf)
  const seconds = (Date.parse(iso) - Date.parse(now)) / 1000
  return <>{seconds > 0 ? `in ${spanWords(seconds)}` : passed}</>
}

/** "14 s ago" */
export function Ago({ iso, asOf }: { iso: string; asOf: string }) {
  const now = useServerNow(asOf)
  const seconds = (Date.parse(now) - Date.parse(iso)) / 1000
  return <>{seconds < 2 ? 'just now' : `${spanWords(seconds)} ago`}</>
}
