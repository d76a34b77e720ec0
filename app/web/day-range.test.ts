/** Odd days get a sentence, the limits of a range are exact, and presets end today. */
import { expect, test } from 'vitest'
import { maxDays, rangeAsked, rangePresets } from './day-range'

const now = new Date('2026-11-28T23:59:59.999Z')
const asked = (query: string) => rangeAsked(new URLSearchParams(query), now)

test('two days of the calendar are a range, one of them alone and anything else get a sentence', () => {
  expect(asked('from=2026-11-01&to=2026-11-28')).toEqual({
    kind: 'range',
    range: { from: '2026-11-01', to: '2026-11-28' },
  })
  expect(asked('from=2024-02-29&to=2024-02-29').kind).toBe('range')
  for (const none of ['', 'from=&to=', 'month=2026-11-01', 'from=%20'])
    expect(asked(none).kind).toBe('none')
  const refused: [string, string][] = [
    ['from=2026-11-01', 'first and the last'],
    ['to=2026-11-01', 'first and the last'],
    ['from=2026-11-02&to=2026-11-01', 'comes after'],
    ['from=1900-01-01&to=1900-02-01', 'too early'],
    ['from=2026-11-01&to=9999-12-31', 'in the future'],
    ['from=2026-11-01&to=2026-11-29', 'in the future'],
    ['from=2026-02-30&to=2026-03-01', 'days of the calendar'],
    ['from=2025-02-29&to=2025-03-01', 'days of the calendar'],
    ['from=2026-1-1&to=2026-02-01', 'days of the calendar'],
    ['from=2026-11-01T00:00&to=2026-11-02', 'days of the calendar'],
    ['from=%00&to=2026-11-02', 'days of the calendar'],
    ['from=-2026-11-01&to=2026-11-02', 'days of the calendar'],
    ['from=2026-11-01&from=2026-11-02&to=2026-11-03', 'more than once'],
    ['from[]=2026-11-01&to[]=2026-11-03', 'more than once'],
    ['from=2026-11-01&to[0]=2026-11-03', 'more than once'],
  ]
  for (const [query, part] of refused)
    expect(asked(query), query).toMatchObject({
      kind: 'problem',
      message: expect.stringContaining(part) as string,
    })
})

test('a range has at most 366 days: a leap year fits, a day more is refused in a sentence', () => {
  expect(asked('from=2024-01-01&to=2024-12-31').kind).toBe('range')
  expect(asked('from=2025-01-01&to=2026-01-01').kind).toBe('range')
  expect(asked('from=2025-01-01&to=2026-01-02')).toMatchObject({
    kind: 'problem',
    message: `That is more than a year. Choose at most ${maxDays} days.`,
  })
})

test('presets end today or with the month before', () => {
  const at = (iso: string) =>
    rangePresets(new Date(iso)).map(({ range }) => `${range.from} ${range.to}`)
  expect(at('2026-11-28T12:00:00Z')).toEqual([
    '2026-11-01 2026-11-28',
    '2026-10-01 2026-10-31',
    '2026-08-31 2026-11-28',
    '2026-10-01 2026-11-28',
  ])
  expect(at('2024-03-01T00:00:00Z')).toEqual([
    '2024-03-01 2024-03-01',
    '2024-02-01 2024-02-29',
    '2023-12-03 2024-03-01',
    '2024-01-01 2024-03-01',
  ])
  for (const instant of ['2026-01-01T00:00:00Z', '2024-02-29T23:59:59Z'])
    for (const { range } of rangePresets(new Date(instant)))
      expect(rangeAsked(new URLSearchParams(range), new Date(instant)).kind).toBe('range')
})
