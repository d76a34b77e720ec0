/**
 * Calendar months in UTC, written as their first day: "2026-11-01". They compare and sort as text.
 * `monthName` in components/team writes one for people.
 */

export type Month = string

/** The month that holds this instant, in UTC. */
export function monthOf(at: Date): Month {
  return `${at.toISOString().slice(0, 7)}-01`
}

/** The month after; December is followed by January. */
export function nextMonth(month: Month): Month {
  const first = startOf(month)
  return monthOf(new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1)))
}

/** The month before. */
export function monthBefore(month: Month): Month {
  return monthOf(new Date(startOf(month).getTime() - 1))
}

/** The first instant of the month. */
export function startOf(month: Month): Date {
  return new Date(`${month}T00:00:00.000Z`)
}
