/**
 * Whether a key runs away: it spends so fast that its whole limit would be gone within minutes.
 * Pure. Readings may lag, so that what several minutes spent shows in one of them; a pace is what
 * remains without the largest step, and two steps at least have to show it.
 */
import type { NanoUsd } from '~/money'

export type SpendReading = { at: Date; used: NanoUsd }

/** Readings closer together than this are one. */
export const minStepSeconds = 20
/** A step that took longer says nothing of a pace: nobody knows when in it the money went. */
const maxStepMs = 5 * 60_000
/** A reading older than this does not say what happens now. */
const maxAgeMs = 3 * 60_000
/** So many steps back, at most. */
const maxSteps = 4
const minute = 60_000n

export type Pace = { perMinute: NanoUsd; steps: number }

/**
 * The pace that the newest readings show, or null where they show none. `readings` are the oldest
 * first. One step alone is a suspicion, which another reading has to confirm.
 */
export function paceOf(readings: readonly SpendReading[], now: Date): Pace | null {
  const steps = newestSteps(readings, now)
  if (steps.length === 0) return null
  let best = 0n
  for (let count = 2; count <= steps.length; count++) {
    const some = steps.slice(0, count)
    const largest = some.reduce((most, step) => (step.spent > most.spent ? step : most))
    const rest = some.filter((step) => step !== largest)
    const pace = paceIn(rest)
    if (pace > best) best = pace
  }
  return steps.length === 1
    ? { perMinute: paceIn(steps), steps: 1 }
    : { perMinute: best, steps: steps.length }
}

type Step = { spent: NanoUsd; ms: bigint }

/** The newest first, as far back as one follows the other. */
function newestSteps(readings: readonly SpendReading[], now: Date): Step[] {
  const newest = readings.at(-1)
  if (!newest || now.getTime() - newest.at.getTime() > maxAgeMs) return []
  const steps: Step[] = []
  for (let index = readings.length - 1; index > 0 && steps.length < maxSteps; index--) {
    const [before, after] = [readings[index - 1]!, readings[index]!]
    const ms = after.at.getTime() - before.at.getTime()
    if (ms <= 0 || ms > maxStepMs) break
    steps.push({ spent: after.used - before.used, ms: BigInt(ms) })
  }
  return steps
}

const paceIn = (steps: readonly Step[]): NanoUsd => {
  const ms = steps.reduce((sum, step) => sum + step.ms, 0n)
  return ms === 0n ? 0n : (steps.reduce((sum, step) => sum + step.spent, 0n) * minute) / ms
}

/** At this pace the whole limit would be gone within so many minutes. */
export const isRunaway = (perMinute: NanoUsd, limit: NanoUsd, minutes: number): boolean =>
  perMinute > 0n && perMinute * BigInt(minutes) >= limit

/** How long a key that somebody let go on gets no other hold: the burst that they know of is over then. */
export const quietMinutes = (minutes: number): number => Math.max(30, 2 * minutes)
