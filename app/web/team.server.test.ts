import { expect, test } from 'vitest'
import { parseLife, parseText, parseUsd } from './team.server'

test('dollars are read exactly, and anything that is no amount is refused', () => {
  expect(['12', '12.5', ' 12.50 ', '0.01', '1000000'].map((text) => parseUsd(text))).toEqual([
    12_000_000_000n,
    12_500_000_000n,
    12_500_000_000n,
    10_000_000n,
    1_000_000_000_000_000n,
  ])
  expect(
    ['', '0', '-1', '1e3', '1,5', '0.001', '1000000.01', 'NaN', '12$', null].map((text) =>
      parseUsd(text),
    ),
  ).toEqual(Array(10).fill(null))
  expect(parseUsd('0', { orZero: true })).toBe(0n)
})

test('text that is only spaces, or too long, is no text', () => {
  expect([
    parseText('  a  ', 3),
    parseText('   ', 3),
    parseText('abcd', 3),
    parseText(null, 3),
  ]).toEqual(['a', null, null, null])
})

test('a life is counted from now, and the end of the month is in UTC', () => {
  const now = new Date('2026-12-31T23:30:00Z')
  expect(parseLife('7d', now)?.toISOString()).toBe('2027-01-07T23:30:00.000Z')
  expect(parseLife('month-end', now)?.toISOString()).toBe('2027-01-01T00:00:00.000Z')
  expect(parseLife('2d', now)).toBeNull()
})
