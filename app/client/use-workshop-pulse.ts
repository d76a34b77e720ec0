/**
 * Keeps a workshop's page true while it is open: polls, and opens or closes claims by the clock
 * without waiting for an answer.
 */
import { useEffect, useState } from 'react'
import { useServerNow } from '~/components/base/time'
import { windowAt } from '~/domain/workshop/pulse'
import type { WorkshopPulse } from '~/domain/workshop/view-types'
import { watchPage } from './watch-page'

export type WatchedWorkshop = { pulse: WorkshopPulse; failures: number; lastGood: number }

/** Seconds are counted before an opening; otherwise a page needs no more than one tick a second. */
const fineMs = 200
const coarseMs = 1_000

export function useWorkshopPulse(loaded: WorkshopPulse, statusUrl: string): WatchedWorkshop {
  const [state, setState] = useState<WatchedWorkshop>({ pulse: loaded, failures: 0, lastGood: 0 })
  // A page that was loaded again knows more than the last poll.
  const pulse = Date.parse(loaded.asOf) > Date.parse(state.pulse.asOf) ? loaded : state.pulse
  const firstDelayMs = loaded.next

  useEffect(() => {
    if (firstDelayMs === null) return
    setState((before) => ({ ...before, lastGood: performance.now() }))
    return watchPage<WorkshopPulse>({
      url: statusUrl,
      // Pages that were opened together do not ask together.
      firstDelayMs: firstDelayMs * (0.8 + 0.4 * Math.random()),
      isOurs: isPulse,
      onWatch: ({ pulse, failures }) =>
        setState((before) =>
          failures === 0 && pulse
            ? { pulse: pulse, failures, lastGood: performance.now() }
            : { ...before, failures },
        ),
    })
  }, [statusUrl, firstDelayMs])

  const waiting = pulse.window === 'upcoming'
  const now = useServerNow(pulse.asOf, waiting ? fineMs : coarseMs)
  return { ...state, pulse: { ...pulse, window: windowAt(pulse, now) } }
}

function isPulse(body: unknown): body is WorkshopPulse {
  return (
    typeof body === 'object' &&
    body !== null &&
    'window' in body &&
    'seats' in body &&
    'asOf' in body &&
    'next' in body
  )
}
