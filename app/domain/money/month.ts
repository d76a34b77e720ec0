/**
 * Calendar months in UTC, written as their first day: "2026-11-01". They compare and sort as text.
 */

export type Month = string

export function monthOf(at: Date): Month {
  return `${at.toISOString().slice(0, 7)}-01`
}

export function nextMonth(month: Month): Month {
  const first = startOf(month)
  return monthOf(new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1)))
}

/** The first instant of the month. */
export function startOf(month: Month): Date {
  return new Date(`${month}T00:00:00.000Z`)
}

/** "November 2026" */
export function monthWords(month: Month): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: 'UTC',
    month: 'long',
    year: 'numeric',
  }).format(startOf(month))
}
