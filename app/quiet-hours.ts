/** Quiet hours, "22:00-07:00 Europe/Berlin": by the wall clock of a zone, over midnight too. Pure. */

export type QuietHours = {
  /** Minutes after midnight. */
  from: number
  to: number
  zone: string
  /** As it was written. */
  text: string
}

/** Null for anything that is not written so, for an unknown zone, and for hours that never begin. */
export function parseQuietHours(text: string): QuietHours | null {
  const [, from, to, zone = ''] = /^(\d\d:\d\d)-(\d\d:\d\d) ([\w+/-]{1,64})$/.exec(text) ?? []
  const [start, end] = [minutesOf(from), minutesOf(to)]
  if (start === null || end === null || start === end || !isZone(zone)) return null
  return { from: start, to: end, zone, text }
}

export function isQuiet(hours: QuietHours, at: Date): boolean {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: hours.zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(at)
  const now = minutesOf(clock) ?? 0
  return hours.from < hours.to
    ? now >= hours.from && now < hours.to
    : now >= hours.from || now < hours.to
}

function minutesOf(clock = ''): number | null {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(clock) ?? []
  return hours === undefined ? null : Number(hours) * 60 + Number(minutes)
}

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== ''
  } catch {
    return false
  }
}
