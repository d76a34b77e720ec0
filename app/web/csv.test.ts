/** CSV for spreadsheets: a byte order mark, quoted cells, disarmed formulas. */
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { csvDownload, csvStream } from './csv.server'

test('a cell that a spreadsheet would run is disarmed, and quotes and line breaks stay in their cell', async () => {
  const rows = [
    ['=cmd()', '+1', '-1', '@sum', '\t=x'],
    ['two\r\nlines', 'with "quotes", and commas', '', 'Ada', 7],
  ]
  const file = (await buffer(csvStream(['a', 'b', 'c', 'd', 'e'], rows))).toString()
  expect(file.charCodeAt(0)).toBe(0xfeff)
  const lines = file.slice(1).split(/\r\n(?!lines)/)
  expect(lines[0]).toBe('a,b,c,d,e')
  expect(lines[1]).toBe("'=cmd(),'+1,'-1,'@sum,'\t=x")
  expect(lines[2]).toBe('"two\r\nlines","with ""quotes"", and commas",,Ada,7')
})

test('rows that break off midway break the download, so that half a file is not taken for a whole one', async () => {
  async function* rows() {
    yield await Promise.resolve(['1'])
    throw new Error('the database went away')
  }
  const response = csvDownload('half.csv', ['n'], rows())
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="half.csv"')
  expect(response.headers.get('cache-control')).toBe('no-store')
  await expect(response.text()).rejects.toThrow()
})
