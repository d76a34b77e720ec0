const dayFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
})
const dayName = (day: string) => dayFormat.format(new Date(`${day}T00:00:00Z`))

/** "from 1 November 2026 to 28 November 2026" */
export const rangeName = ({ from, to }: { from: string; to: string }) =>
  from === to ? `on ${dayName(from)}` : `from ${dayName(from)} to ${dayName(to)}`
