/**
 * Money and time as OpenRouter counts them: integers of nano-USD inside, JSON numbers in USD
 * outside, and spend windows that begin at UTC midnight, on Monday, and on the first of the month.
 */
export type Interval = 'daily' | 'weekly' | 'monthly'
export const intervals: readonly Interval[] = ['daily', 'weekly', 'monthly']

export interface SpendCounter {
  totalNano: number
  dailyNano: number
  weeklyNano: number
  monthlyNano: number
  /** When the last spend happened; a window that began later holds nothing. */
  lastSpendAt: number
}

const nanoPerUsd = 1_000_000_000
const dayMs = 86_400_000

export function usdToNano(usd: number): number {
  return Math.round(usd * nanoPerUsd)
}

export function nanoToUsd(nano: number): number {
  return nano / nanoPerUsd
}

function windowStart(interval: Interval, at: number): number {
  const date = new Date(at)
  if (interval === 'monthly') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  const midnight = Math.floor(at / dayMs) * dayMs
  if (interval === 'daily') return midnight
  return midnight - ((date.getUTCDay() + 6) % 7) * dayMs
}

export function windowEnd(interval: Interval, at: number): number {
  const start = windowStart(interval, at)
  if (interval === 'daily') return start + dayMs
  if (interval === 'weekly') return start + 7 * dayMs
  const date = new Date(start)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
}

export function makeCounter(): SpendCounter {
  return { totalNano: 0, dailyNano: 0, weeklyNano: 0, monthlyNano: 0, lastSpendAt: 0 }
}

/** What was spent in the window that holds `at`; without an interval, in the whole life. */
export function spentNano(counter: SpendCounter, interval: Interval | null, at: number): number {
  if (interval === null) return counter.totalNano
  if (windowStart(interval, at) > counter.lastSpendAt) return 0
  return interval === 'daily'
    ? counter.dailyNano
    : interval === 'weekly'
      ? counter.weeklyNano
      : counter.monthlyNano
}

export function addSpend(counter: SpendCounter, nano: number, at: number): void {
  counter.dailyNano = spentNano(counter, 'daily', at) + nano
  counter.weeklyNano = spentNano(counter, 'weekly', at) + nano
  counter.monthlyNano = spentNano(counter, 'monthly', at) + nano
  counter.totalNano += nano
  counter.lastSpendAt = at
}

/** The form seen on the wire, microseconds and an offset: `2025-02-19T20:52:27.363000+00:00`. */
export function wireTimestamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, -1)}000+00:00`
}
