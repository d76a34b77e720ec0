/**
 * Money and time as providers count them: integers of nano-USD inside, JSON numbers in USD outside,
 * and windows that begin at UTC midnight, on Monday, and on the first of the month.
 */
export type Interval = 'daily' | 'weekly' | 'monthly'
export const intervals: readonly Interval[] = ['daily', 'weekly', 'monthly']

const nanoPerUsd = 1_000_000_000
const dayMs = 86_400_000

export function usdToNano(usd: number): number {
  return Math.round(usd * nanoPerUsd)
}

export function nanoToUsd(nano: number): number {
  return nano / nanoPerUsd
}

export function windowStart(interval: Interval, at: number): number {
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
