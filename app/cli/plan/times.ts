/** Moments as an organiser reads them: in the zone of the event, and in UTC. */
import { zoneOffsetMinutes, offsetText } from '../../domain/workshop/moment'

const DAY_MS = 86_400_000

/** `Tue 14 Apr 2026, 08:30 Europe/Berlin (06:30 UTC)` */
export function bothClocks(at: Date, zone: string): string {
  const local = `${inZone(at, zone)} ${zone}`
  if (zone === 'UTC') return local
  const isSameDay = dayIn(at, zone) === dayIn(at, 'UTC')
  return `${local} (${isSameDay ? clockIn(at, 'UTC') : inZone(at, 'UTC')} UTC)`
}

/** `Tue 14 Apr 2026, 08:30` */
export function inZone(at: Date, zone: string): string {
  return `${part(at, zone, { weekday: 'short' })} ${part(at, zone, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  })}, ${clockIn(at, zone)}`
}

export const clockIn = (at: Date, zone: string): string =>
  part(at, zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** `2026-04-14` */
export const dayIn = (at: Date, zone: string): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(at)

export const hourIn = (at: Date, zone: string): number => Number(clockIn(at, zone).slice(0, 2))

/** The moment when the clocks of the zone show this time of that day. */
export function momentAt(day: string, clock: string, zone: string): Date {
  const local = Date.parse(`${day}T${clock}:00Z`)
  return new Date(local - zoneOffsetMinutes(zone, local) * 60_000)
}

/** As a workshop file writes it: `2026-04-14T08:30:00+02:00`. */
export function asWritten(at: Date, zone: string): string {
  const offset = offsetMinutesAt(at, zone)
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19)
  return `${local}${offsetText(offset)}`
}

/** Whether the zone's clocks change between these two. */
export const clocksChangeBetween = (from: Date, to: Date, zone: string): boolean =>
  offsetMinutesAt(from, zone) !== offsetMinutesAt(to, zone)

/** `3 h`, `2 days` */
export function lengthOf(ms: number): string {
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 2 * DAY_MS) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / DAY_MS)} days`
}

function offsetMinutesAt(at: Date, zone: string): number {
  const shown = new Date(`${dayIn(at, zone)}T${clockIn(at, zone)}:00Z`).getTime()
  return Math.round((shown - Math.floor(at.getTime() / 60_000) * 60_000) / 60_000)
}

function part(at: Date, timeZone: string, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, ...options }).format(at)
}
