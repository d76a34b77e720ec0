/** Past this no interval is stretched: a longer one is rare as it is. */
const longestPollMs = 60_000

/** The interval that a poll is told when watchers are to wait so many times longer than usual. */
export const stretched = (ms: number, stretch: number): number =>
  Math.max(ms, Math.min(longestPollMs, Math.round(ms * stretch)))
