/**
 * The one writer of CSV files. Guarantee: UTF-8 with a byte order mark, lines as spreadsheets
 * expect them, and no cell that a spreadsheet would run as a formula. Streams: however many rows
 * there are, a few are in memory.
 */
import { pipeline, Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { download } from './download.server'

/** A decimal number as text; a sign in front of it makes no formula. */
export type PlainNumber = { number: string }
type Cell = string | number | PlainNumber | null

export const plainNumber = (text: string): PlainNumber | string =>
  /^-\d+(\.\d+)?$/.test(text) ? { number: text } : text

/**
 * A spreadsheet that separates by semicolons or tabs, as in much of Europe, begins a cell after each
 * of them, and a line after each line break: a formula there is disarmed as one at the start is.
 */
const disarmInside = (text: string): string =>
  text.replace(/([;\t\r\n]["'\s]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g, "$1'")

/** `header` names the columns, each row has its cells in that order. */
export function csvStream(
  header: readonly string[],
  rows: Iterable<Cell[]> | AsyncIterable<Cell[]>,
): Readable {
  const csv = stringify({
    header: true,
    columns: [...header],
    escape_formulas: true,
    cast: {
      string: (text: string) => disarmInside(text),
      object: (value: object) =>
        'number' in value ? { value: String(value.number), escape_formulas: false } : '',
    },
    bom: true,
    record_delimiter: 'windows',
  })
  // An error of the rows destroys the stream: download cuts the connection then.
  pipeline(Readable.from(rows), csv, () => undefined)
  return csv
}

export function csvDownload(
  name: string,
  header: readonly string[],
  rows: Iterable<Cell[]> | AsyncIterable<Cell[]>,
): Response {
  return download({ name, type: 'text/csv; charset=utf-8', body: csvStream(header, rows) })
}
