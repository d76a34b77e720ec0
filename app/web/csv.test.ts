/** CSV for spreadsheets: a byte order mark, quoted cells, disarmed formulas. */
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { csvDownload, csvStream, plainNumber } from './csv.server'

test('a cell that a spreadsheet would run is disarmed, and quotes and line breaks stay in their cell', async () => {
  const rows = [
    ['=cmd()', '+1', '-1', '@sum', '\t=x'],
    ['two\r\nlines', 'with "quotes", and commas', '', 'Ada', 7],
  ]
  const file = (await buffer(csvStream(['a', 'b', 'c', 'd', 'e'], rows))).toString()
  expect(file.charCodeAt(0)).toBe(0xfeff)
  const lines = file.slice(1).split(/\r\n(?!lines)/)
  expect(lines[0]).toBe('a,b,c,d,e')
  expect(lines[1]).toBe("'=cmd(),'+1,'-1,'@sum,'\t'=x")
  expect(lines[2]).toBe('"two\r\nlines","with ""quotes"", and commas",,Ada,7')
})

test('a formula after what another spreadsheet takes for the end of a cell is disarmed, too', async () => {
  const rows = [['x;=cmd()'], ['x; "@sum'], ['two\r\n+1'], ['x\t\uff1d1'], ['a; b - c'], ['x;-1']]
  const file = (await buffer(csvStream(['a'], rows))).toString()
  expect(file.slice(1)).toBe(
    [
      'a',
      "x;'=cmd()",
      '"x; ""\'@sum"',
      '"two\r\n\'+1"',
      "x\t'\uff1d1",
      'a; b - c',
      "x;'-1",
      '',
    ].join('\r\n'),
  )
})

test('a negative amount is a number, and what only looks like one is disarmed', async () => {
  const rows = ['-1.750000000', '5.000000000', '-1+cmd()', '-'].map((text) => [plainNumber(text)])
  const file = (await buffer(csvStream(['usd'], rows))).toString()
  expect(file.slice(1).split('\r\n')).toEqual([
    'usd',
    '-1.750000000',
    '5.000000000',
    "'-1+cmd()",
    "'-",
    '',
  ])
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

test('a source that fails after the reader has gone ends no process', async () => {
  let fail = () => {}
  async function* rows() {
    yield await Promise.resolve(['1'])
    await new Promise<void>((resolve) => (fail = resolve))
    throw new Error('the database went away')
  }
  const failures: unknown[] = []
  const listen = (error: unknown) => void failures.push(error)
  process.on('uncaughtException', listen).on('unhandledRejection', listen)
  const reader = csvDownload('gone.csv', ['n'], rows()).body!.getReader()
  await reader.read()
  await reader.cancel()
  fail()
  await sleep(50)
  process.off('uncaughtException', listen).off('unhandledRejection', listen)
  expect(failures).toEqual([])
})
