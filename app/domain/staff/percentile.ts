/**
 * Percentiles from counts on a scale of steps, each a quarter longer than the one before: right to
 * within an eighth.
 */

const firstStepSeconds = 0.1
const growth = 1.25

/** Where a step ends, in seconds. */
export const stepEnd = (step: number) => firstStepSeconds * growth ** step

/**
 * The time below which `share` of all lie, in seconds; null where there are none. In the middle of
 * its step.
 */
export function percentile(counts: ReadonlyMap<number, number>, share: number): number | null {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const wanted = Math.max(1, Math.ceil(total * share))
  let seen = 0
  for (const step of [...counts.keys()].sort((a, b) => a - b)) {
    seen += counts.get(step) ?? 0
    if (seen >= wanted) return stepEnd(step - 0.5)
  }
  return null
}
