/** What changes of a workshop while somebody watches its page, and how often to look again. */
import type { WorkshopPulse, WorkshopView } from './view-types'

const farMs = 600_000

/** A few bytes for the poll. */
export function pulseOf(view: WorkshopView): WorkshopPulse {
  const { window, endedAt, opensAt, closesAt, keyExpiresAt, asOf } = view
  const { seats, waitlist, paused, announcements } = view
  const times = { window, endedAt, opensAt, closesAt, keyExpiresAt, asOf }
  const pulse = { ...times, seats, waitlist, paused, announcements }
  return { ...pulse, next: nextLookMs(pulse) }
}

/** Milliseconds until the next look, null when nothing changes any more. */
function nextLookMs(pulse: Omit<WorkshopPulse, 'next'>): number | null {
  // Keys outlive the window, and so do announcements to those who have one.
  if (pulse.window === 'closed') return pulse.endedAt === null ? 60_000 : null
  if (pulse.window === 'upcoming') {
    if (!pulse.opensAt) return 30_000
    const untilOpenMs = Date.parse(pulse.opensAt) - Date.parse(pulse.asOf)
    return untilOpenMs > farMs ? 60_000 : Math.max(2_000, Math.min(15_000, untilOpenMs))
  }
  return pulse.paused ? 5_000 : 10_000
}

/** The window at a later moment: claims open and close by the clock, without another answer. */
export function windowAt(
  {
    window,
    endedAt,
    opensAt,
    closesAt,
  }: Pick<WorkshopPulse, 'window' | 'endedAt' | 'opensAt' | 'closesAt'>,
  now: string,
): WorkshopPulse['window'] {
  const passed = (iso: string | null) => iso !== null && Date.parse(iso) <= Date.parse(now)
  if (window === 'closed' || endedAt || passed(closesAt)) return 'closed'
  return window === 'upcoming' && passed(opensAt) ? 'open' : window
}
