/** When money runs out at the recent pace: an estimate by arithmetic alone. */
import type { NanoUsd } from '~/money'

const dayMs = 86_400_000

/**
 * The instant at which `left` is spent at the pace of the last seven days (or since `since`, if that
 * is shorter); null when it lasts until `until`, or when nothing was spent recently. The pace is
 * measured over one day at least. Amounts are nano-USD.
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
