import { expect, test } from 'vitest'
import { isQuiet, parseQuietHours } from './quiet-hours'

test('quiet hours follow the clock of their zone, over midnight and a change of the clocks', () => {
  const night = parseQuietHours('22:00-07:00 Europe/Berlin')!
  for (const [at, quiet] of [
    ['2026-11-28T20:59:00Z', false],
    ['2026-11-28T21:00:00Z', true],
    ['2026-11-29T05:59:00Z', true],
    ['2026-11-29T06:00:00Z', false],
    // In summer the same hours begin an hour earlier in UTC.
    ['2026-07-01T20:00:00Z', true],
    ['2026-07-02T05:00:00Z', false],
  ] as const)
    expect(isQuiet(night, new Date(at)), at).toBe(quiet)
  const noon = parseQuietHours('12:00-13:00 UTC')!
  expect(isQuiet(noon, new Date('2026-11-28T12:59:59Z'))).toBe(true)
  expect(isQuiet(noon, new Date('2026-11-28T13:00:00Z'))).toBe(false)
})

test('anything else is no quiet hours', () => {
  for (const text of [
    '',
    '22-7 UTC',
    '24:00-07:00 UTC',
    '22:00-07:60 UTC',
    '22:00-22:00 UTC',
    '22:00-07:00',
    '22:00-07:00 Nowhere/City',
    '22:00 - 07:00 UTC',
  ])
    expect(parseQuietHours(text), text).toBeNull()
})
