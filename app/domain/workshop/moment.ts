/**
 * Times as a workshop file writes them: ISO 8601 with an explicit offset, in a zone whose clocks we
 * know. Pure: no clock of its own.
 */

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/** Year, month, day, hour, minute, second, fraction and offset; the last three may be missing. */
export const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(Z|[+-]\d{2}:\d{2})?$/

/** What the clock on the wall shows, as if it were UTC; null for a date that does not exist. */
export function realLocalTime(match: RegExpExecArray): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const ms = Date.UTC(
    year,
    month - 1,
    day,
    hour,
    minute,
    second,
    Number((match[7] ?? '').padEnd(3, '0')),
  )
  const isReal =
    new Date(ms).getUTCDate() === day &&
    month >= 1 &&
    month <= 12 &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59
  return isReal && year >= 2000 && year <= 2100 ? ms : null
}

export function isKnownZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone.length > 0
  } catch {
    return false
  }
}

/**
 * The zone's offset when its clocks show `local` (the first of the two in the hour that repeats).
 */
export function zoneOffsetMinutes(zone: string, local: number): number {
  const first = offsetAt(zone, local)
  return offsetAt(zone, local - first * 60_000)
}

function offsetAt(zone: string, instant: number): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    timeZoneName: 'longOffset',
  }).formatToParts(new Date(instant))
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(
    parts.find((part) => part.type === 'timeZoneName')?.value ?? '',
  )
  return match === null
    ? 0
    : (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]))
}

export function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  const twoDigits = (count: number) => String(count).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`
}
