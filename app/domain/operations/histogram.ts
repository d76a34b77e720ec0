/**
 * Durations as counts between fixed bounds: adding two histograms is adding their counts, so a
 * minute or a day is one small row. Two scales: bins in milliseconds for runs of jobs, and steps
 * that grow by a quarter for the waits of claims.
 */

/** Upper bounds in milliseconds; the last bin has none. */
export const binBoundsMs = [
  5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 300_000,
] as const
const binCount = binBoundsMs.length + 1

export const noBins = (): number[] => Array.from({ length: binCount }, () => 0)

/** The index of the bin that a duration falls in. */
export function binOf(ms: number): number {
  const index = binBoundsMs.findIndex((bound) => ms <= bound)
  return index === -1 ? binCount - 1 : index
}

export function addBins(one: readonly number[], other: readonly number[]): number[] {
  return noBins().map((_, index) => (one[index] ?? 0) + (other[index] ?? 0))
}

const firstStepSeconds = 0.1
const growth = 1.25

/** Where a step ends, in seconds. */
export const stepEnd = (step: number) => firstStepSeconds * growth ** step

/**
 * Milliseconds below which this share (0 to 1) of the durations lies, interpolated inside its bin;
 * null without any.
 */
export function quantileMs(bins: readonly number[], share: number): number | null {
  const found = rankOf([...bins.entries()], share)
  if (!found) return null
  const from = found.bin === 0 ? 0 : (binBoundsMs[found.bin - 1] ?? 0)
  // Past the last bound all that is known is that it was longer.
  const to = binBoundsMs[found.bin] ?? from
  return from + (to - from) * found.part
}

/**
 * Seconds below which this share of the waits lies, in the middle of its step and so right to
 * within an eighth; null without any.
 */
export function percentile(counts: ReadonlyMap<number, number>, share: number): number | null {
  const found = rankOf(
    [...counts].sort(([a], [b]) => a - b),
    share,
  )
  return found && stepEnd(found.bin - 0.5)
}

/** The first bin up to which this share is reached, and how much of that bin it takes. */
function rankOf(
  counts: (readonly [bin: number, count: number])[],
  share: number,
): { bin: number; part: number } | null {
  const wanted = share * counts.reduce((sum, [, count]) => sum + count, 0)
  let below = 0
  for (const [bin, count] of counts) {
    if (count > 0 && below + count >= wanted) return { bin, part: (wanted - below) / count }
    below += count
  }
  return null
}
