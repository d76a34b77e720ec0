import { stringify } from 'csv-stringify/sync'

/** A header and rows as CSV. What a spreadsheet would run as a formula is disarmed. */
export function csvOf(header: string[], rows: string[][]): string {
  return stringify([header, ...rows], { escape_formulas: true, record_delimiter: 'windows' })
}
