/** When money runs out at the pace of late: pure arithmetic, and no promise. */
import type { NanoUsd } from '~/money'

const dayMs = 86_400_000

/**
 * The day on which `left` is gone at the pace of the last seven days (or since `since`, if that is
 * shorter), or null when it lasts until `until`, or when nothing was spent to tell by. A pace is
 * not read out of less than a day.
 */
export function forecastEnd(input: {
  left: NanoUsd
  lately: NanoUsd
  now: Date
  since: Date
  until: Date
}): Date | null {
  const { left, lately, now, since, until } = input
  if (left <= 0n || lately <= 0n) return null
  const watchedMs = Math.max(dayMs, Math.min(7 * dayMs, now.getTime() - since.getTime()))
  const end = new Date(now.getTime() + Number((left * BigInt(watchedMs)) / lately))
  return end < until ? end : null
}
