import { expect, test } from 'vitest'
import { instantOf } from './instants'

test('a moment is one that Postgres can hold', () => {
  expect(instantOf('2026-04-14')).toBe('2026-04-14T00:00:00.000Z')
  expect(instantOf('2026-04-14T08:30:00.123+02:00')).toBe('2026-04-14T06:30:00.123Z')
  for (const text of ['', 'x', '0000-01-01', '+275760-09-13T00:00:00Z', '2026-99-99T99:99:99Z'])
    expect([text, instantOf(text)]).toEqual([text, null])
})
