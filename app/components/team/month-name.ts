import { startOf, type Month } from '~/domain/money/month'

/** "November 2026" */
export function monthName(month: Month): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: 'UTC',
    month: 'long',
    year: 'numeric',
  }).format(startOf(month))
}
