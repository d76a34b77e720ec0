/** Moments from outside: what no database takes is no moment. */

const minTime = Date.UTC(1, 0, 1)
const maxTime = Date.UTC(10_000, 0, 1)

/** A date or time that Postgres can hold, of the years 1 to 9999, as ISO UTC. Null for anything else. */
export function instantOf(text: string): string | null {
  const time = Date.parse(text)
  return time >= minTime && time < maxTime ? new Date(time).toISOString() : null
}
