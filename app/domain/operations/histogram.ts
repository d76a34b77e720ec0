/**
 * Durations as counts between fixed bounds: adding two histograms is adding their counts, so a
 * minute or a day is one small row.
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

/**
 * Milliseconds below which this share (0 to 1) of the durations lies, interpolated inside its bin;
 * null without any.
 */
export function quantileMs(bins: readonly number[], share: number): number | null {
  const total = bins.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const wanted = share * total
  let below = 0
  for (const [index, count] of bins.entries()) {
    if (count === 0 || below + count < wanted) {
      below += count
      continue
    }
    const from = index === 0 ? 0 : (binBoundsMs[index - 1] ?? 0)
    // Past the last bound nothing is known but that it was longer.
    const to = binBoundsMs[index] ?? from
    return from + (to - from) * ((wanted - below) / count)
  }
  return binBoundsMs[binBoundsMs.length - 1] ?? null
}
