/**
 * Times for readers. The server prints UTC; the browser then adds the reader's own zone.
 */
import { createContext, useContext, useEffect, useState } from 'react'
import { useHydrated } from './hydrated'
import { localZone } from './local-zone'
import { clockText, spanText, timeText } from './time-text'

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

/** The zone of what a page is about, such as a workshop's: its times come first. */
export const PlaceZone = createContext<string | null>(null)

/** The place's zone, else the reader's, else UTC. */
export function useZone(): string {
  const hydrated = useHydrated()
  return useContext(PlaceZone) ?? (hydrated ? localZone() : 'UTC')
}

/** "Tue 14 Apr, 18:00 CEST (16:00 UTC)"; without a script or a place "Tue 14 Apr, 16:00 UTC". */
export function Time({ iso, now }: { iso: string; now: string }) {
  const zone = useZone()
  const local = timeText(iso, { timeZone: zone, now })
  const utc = clockText(iso, 'UTC')
  return <time dateTime={iso}>{local.endsWith(utc) ? local : `${local} (${utc})`}</time>
}

/** "in 3 h 12 min", counting down; `passed` once it is over. */
export function Countdown({ iso, asOf, passed }: { iso: string; asOf: string; passed: string }) {
  const now = useServerNow(asOf)
  const seconds = (Date.parse(iso) - Date.parse(now)) / 1000
  return <>{seconds > 0 ? `in ${spanText(seconds)}` : passed}</>
}

/** "14 s ago" */
export function Ago({ iso, asOf }: { iso: string; asOf: string }) {
  const now = useServerNow(asOf)
  const seconds = (Date.parse(now) - Date.parse(iso)) / 1000
  return <>{seconds < 2 ? 'just now' : `${spanText(seconds)} ago`}</>
}
