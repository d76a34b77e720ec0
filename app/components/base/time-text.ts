/**
 * Times and spans as text. Pure: the zone is always given, so that server and browser print the
 * same.
 */

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Making one costs a hundred times what using it does. There are as many as zones and ways to print. */
function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = locale + JSON.stringify(options)
  const known = formatters.get(name)
  if (known) return known
  const made = new Intl.DateTimeFormat(locale, options)
  formatters.set(name, made)
  return made
}

/**
 * "Tue 14 Apr, 18:00 CEST", or "18:00:07" where it is `exact`; the year only when it is not the
 * reader's.
 */
export function timeText(
  iso: string,
  options: { timeZone: string; now: string; locale?: string; exact?: boolean },
): string {
  const at = new Date(iso)
  const { timeZone } = options
  const year = (date: Date) => formatter('en', { timeZone, year: 'numeric' }).format(date)
  const day = formatter(options.locale ?? 'en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    ...(year(at) === year(new Date(options.now)) ? {} : { year: 'numeric' }),
  }).format(at)
  return `${day.replace(/,/g, '')}, ${clockText(iso, timeZone, options.exact)}`
}

/** "18:00 CEST", "18:00:07 CEST" */
export function clockText(iso: string, timeZone: string, exact = false): string {
  return formatter('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    ...(exact ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(new Date(iso))
}

/** "3 h 12 min", "2 days 4 h", "12 s": the two largest units, rounded down. */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const days = Math.floor(whole / 86_400)
  const hours = Math.floor((whole % 86_400) / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  if (days > 13) return `${days} days`
  if (days > 0) return `${days} ${days === 1 ? 'day' : 'days'}${hours > 0 ? ` ${hours} h` : ''}`
  if (hours > 0) return `${hours} h${minutes > 0 ? ` ${minutes} min` : ''}`
  if (minutes > 0) return `${minutes} min`
  return `${whole} s`
}

/**
 * What is left until a moment, never less than there is: rounded up to what is shown. Seconds are
 * shown in the last ten minutes.
 */
export function countdownText(seconds: number): string {
  if (seconds > 172_800) return spanText(Math.ceil(seconds / 3600) * 3600)
  if (seconds > 600) return spanText(Math.ceil(seconds / 60) * 60)
  const whole = Math.ceil(seconds)
  const rest = whole % 60
  return whole < 60 ? `${whole} s` : `${(whole - rest) / 60} min ${String(rest).padStart(2, '0')} s`
}

/**
 * A wait as a range a person can use: "5 to 10 s", "1 to 3 min". Seconds are rounded up to fives,
 * so that it does not flicker.
 */
export function waitText({ from, to }: { from: number; to: number }): string {
  if (to < 60) {
    const upTo = Math.ceil(to / 5) * 5
    const least = Math.floor(from / 5) * 5
    return least === 0
      ? `less than ${upTo} s`
      : least === upTo
        ? `about ${upTo} s`
        : `${least} to ${upTo} s`
  }
  const upTo = Math.ceil(to / 60)
  const least = Math.floor(from / 60)
  return least === 0
    ? `less than ${upTo + (upTo === 1 ? 1 : 0)} min`
    : least === upTo
      ? `about ${upTo} min`
      : `${least} to ${upTo} min`
}

/**
 * The next moment at which OpenRouter resets a limit: midnight UTC, of Monday, or of the first of
 * the month.
 */
export function nextReset(reset: 'daily' | 'weekly' | 'monthly', now: string): string {
  const at = new Date(now)
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()]
  if (reset === 'monthly') return new Date(Date.UTC(year, month + 1, 1)).toISOString()
  const daysToMonday = (8 - at.getUTCDay()) % 7 || 7
  return new Date(Date.UTC(year, month, day + (reset === 'daily' ? 1 : daysToMonday))).toISOString()
}
