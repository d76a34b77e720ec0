/**
 * The cap of a key that no service holds: Keymint disables the key when a reading shows that it is
 * reached, or when it must be by what the key costs an hour. Pure.
 */
import type { NanoUsd } from '~/money'
import { isOver, larger, type Key } from './key-row'
import { windowStart } from './windows'

/** A key with a rate stops so long before its cap: stopping takes a while, and costs meanwhile. */
const marginSeconds = 120n
const hourSeconds = 3_600n

type CapKey = Pick<
  Key,
  | 'limit'
  | 'limitReset'
  | 'used'
  | 'windowUsed'
  | 'windowStartedAt'
  | 'perHour'
  | 'readAt'
  | 'savedAt'
  | 'off'
>

/** What it has used of its cap, in the window that `now` lies in. */
function usedOfLimit(key: CapKey, now: Date): NanoUsd {
  if (key.limitReset === null) return key.used
  const start = windowStart('reset', key.limitReset, now)
  return key.windowStartedAt !== null && key.windowStartedAt >= start ? key.windowUsed : 0n
}

/** When it reaches its cap at what it costs an hour; null where it costs nothing by itself. */
export function capDueAt(key: CapKey, now: Date): Date | null {
  const since = key.readAt ?? key.savedAt
  if (key.perHour === null || key.perHour <= 0n || since === null) return null
  const left = key.limit - usedOfLimit(key, now) - (key.perHour * marginSeconds) / hourSeconds
  const milliseconds = (larger(left, 0n) * hourSeconds * 1000n) / key.perHour
  // A cap that lasts for ages needs no time of its own.
  if (milliseconds > 366n * 86_400_000n) return null
  return new Date(since.getTime() + Number(milliseconds))
}

/** Whether it is to be off for its cap at `now`. One that is over has no cap any more. */
export function isCapReached(key: CapKey, now: Date): boolean {
  if (isOver(key) || key.savedAt === null) return false
  if (usedOfLimit(key, now) >= key.limit) return true
  // What is off costs nothing by the hour: only its use says whether the cap is reached.
  const due = key.off.cap === null ? capDueAt(key, now) : null
  return due !== null && due <= now
}
