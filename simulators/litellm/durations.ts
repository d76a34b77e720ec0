/**
 * LiteLLM's durations ("30s", "20m", "12h", "7d", "2w", "1mo") and its standardized resets: 1d at
 * the next UTC midnight, 7d on Monday, 30d and 1mo on the first of the month, any other number of
 * days counted from today's midnight.
 */
import { windowEnd } from '../shared/money.ts'

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }
const dayMs = 86_400_000

/**
 * Milliseconds from `now` until the duration is over; null for what LiteLLM calls an invalid
 * format.
 */
export function durationMs(text: string, now: number): number | null {
  const match = /^(\d+)(mo|[smhdw])$/.exec(text)
  if (!match) return null
  const [, count = '0', unit = ''] = match
  if (unit !== 'mo') return Number(count) * (secondsOf[unit] ?? 0) * 1_000
  const from = new Date(now)
  const lastDay = new Date(
    Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + Number(count) + 1, 0),
  ).getUTCDate()
  const until = new Date(now)
  until.setUTCDate(1)
  until.setUTCMonth(from.getUTCMonth() + Number(count))
  until.setUTCDate(Math.min(from.getUTCDate(), lastDay))
  return until.getTime() - now
}

/** When a budget of this duration resets next, in milliseconds since 1970. */
export function nextReset(duration: string, now: number): number {
  const match = /^(\d+)(mo|[smhdw])$/.exec(duration)
  const count = Number(match?.[1] ?? 1)
  const unit = match?.[2] ?? 'd'
  if (unit === 'mo') return windowEnd('monthly', now)
  if (unit === 'd' || unit === 'w') {
    const days = unit === 'w' ? count * 7 : count
    if (days === 1) return windowEnd('daily', now)
    if (days === 7) return windowEnd('weekly', now)
    if (days === 30) return windowEnd('monthly', now)
    return Math.floor(now / dayMs) * dayMs + days * dayMs
  }
  const step = count * (secondsOf[unit] ?? 1) * 1_000
  return (Math.floor(now / step) + 1) * step
}
