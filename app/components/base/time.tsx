/**
 * Times for readers. The server prints UTC; the browser then adds the reader's own zone.
 */
import { createContext, useContext, useEffect, useState } from 'react'
import { useHydrated } from './hydrated'
import { localZone } from './local-zone'
import { clockText, countdownText, spanText, timeText } from './time-text'

/**
 * Milliseconds since the server answered, by a monotonic clock. Zero until the page is hydrated.
 */
function useElapsed(asOf: string, everyMs: number): number {
  // Time that passed since an older answer must not be added to a newer one.
  const [elapsed, setElapsed] = useState({ asOf, ms: 0, start: null as number | null })
  useEffect(() => {
    const begun = (before: { asOf: string; start: number | null }) =>
      before.asOf === asOf && before.start !== null ? before.start : performance.now()
    const tick = () =>
      setElapsed((before) => {
        const start = begun(before)
        return { asOf, start, ms: performance.now() - start }
      })
    tick()
    const timer = setInterval(tick, everyMs)
    return () => clearInterval(timer)
  }, [asOf, everyMs])
  return elapsed.asOf === asOf ? elapsed.ms : 0
}

/** The present as ISO UTC: what the server said, plus the time passed since. */
export function useServerNow(asOf: string, everyMs = 1000): string {
  return new Date(Date.parse(asOf) + useElapsed(asOf, everyMs)).toISOString()
}

/**
 * The zone of what a page is about, such as a workshop's: its times are printed in it, from the first
 * paint.
 */
const EventZone = createContext<string | null>(null)
export const EventZoneProvider = EventZone.Provider

/** The place's zone, else the reader's, else UTC. */
export function useZone(): string {
  const hydrated = useHydrated()
  return useContext(EventZone) ?? (hydrated ? localZone() : 'UTC')
}

/**
 * "Tue 14 Apr, 18:00 CEST (16:00 UTC)"; without a script "Tue 14 Apr, 16:00 UTC". On the page of an
 * event its own zone comes first: "Tue 14 Apr, 18:00 CEST (12:00 EDT for you)". `short` leaves out
 * what stands in brackets, where a line more would move what is below.
 */
export function Time({
  iso,
  now,
  exact = false,
  short = false,
}: {
  iso: string
  now: string
  /** To the second, for what follows each other within a minute. */
  exact?: boolean
  short?: boolean
}) {
  const hydrated = useHydrated()
  const eventZone = useContext(EventZone)
  if (eventZone !== null && eventZone !== 'UTC') {
    const there = timeText(iso, { timeZone: eventZone, now, exact })
    const own = hydrated ? clockText(iso, localZone(), exact) : null
    return (
      <time dateTime={iso}>
        {short || own === null || there.endsWith(own) ? there : `${there} (${own} for you)`}
      </time>
    )
  }
  const zone = hydrated ? localZone() : 'UTC'
  const local = timeText(iso, { timeZone: zone, now, exact })
  const utc = clockText(iso, 'UTC', exact)
  return <time dateTime={iso}>{short || local.endsWith(utc) ? local : `${local} (${utc})`}</time>
}

/** "in 3 h 12 min", in the end "in 4 min 09 s", counting down; `passed` once it is over. */
export function Countdown({ iso, asOf, passed }: { iso: string; asOf: string; passed: string }) {
  const now = useServerNow(asOf)
  const seconds = (Date.parse(iso) - Date.parse(now)) / 1000
  return <>{seconds > 0 ? `in ${countdownText(seconds)}` : passed}</>
}

/** "14 s ago" */
export function Ago({ iso, asOf }: { iso: string; asOf: string }) {
  const now = useServerNow(asOf)
  const seconds = (Date.parse(now) - Date.parse(iso)) / 1000
  return <>{seconds < 2 ? 'just now' : `${spanText(seconds)} ago`}</>
}
