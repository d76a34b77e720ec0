/** When money runs out at the recent pace: an estimate by arithmetic alone. */
import type { NanoUsd } from '~/money'

const dayMs = 86_400_000

/** Days (UTC) that the pace is taken from, today with them. */
export const paceDays = 7

/** Milliseconds of those days that are over, from `since` on. */
export function paceMs(now: Date, since: Date): number {
  const firstDay = Math.floor(now.getTime() / dayMs) * dayMs - (paceDays - 1) * dayMs
  return now.getTime() - Math.max(firstDay, since.getTime())
}

/**
 * The instant at which `left` is spent at the pace of the last seven days, today with them (or since
 * `since`, if that is later); null when it lasts until `until`, or when nothing was spent recently.
 * The pace is measured over one day at least. Amounts are nano-USD.
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
  const watchedMs = Math.max(dayMs, paceMs(now, since))
  const end = new Date(now.getTime() + Number((left * BigInt(watchedMs)) / lately))
  return end < until ? end : null
}
