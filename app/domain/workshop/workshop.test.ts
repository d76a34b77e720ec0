import { expect, test } from 'vitest'
import { keyExpiryFor, windowState } from './workshop'

test('the window is open from its first instant and closed from its last', () => {
  const claimsOpenAt = new Date('2026-04-14T06:30:00Z')
  const claimsCloseAt = new Date('2026-04-14T16:00:00Z')
  const at = (time: string) => windowState({ claimsOpenAt, claimsCloseAt }, new Date(time))
  expect(at('2026-04-14T06:29:59.999Z')).toBe('upcoming')
  expect(at('2026-04-14T06:30:00Z')).toBe('open')
  expect(at('2026-04-14T15:59:59.999Z')).toBe('open')
  expect(at('2026-04-14T16:00:00Z')).toBe('closed')
})

test('a giveaway without a window is open', () => {
  expect(windowState({ claimsOpenAt: null, claimsCloseAt: null }, new Date(0))).toBe('open')
})

test('a key ends at the stated time, or so long after its claim', () => {
  const claimedAt = new Date('2026-04-14T08:00:00Z')
  const keyExpiresAt = new Date('2026-04-15T00:00:00Z')
  expect(keyExpiryFor({ keyExpiresAt, keyExpiresInMs: null }, claimedAt)).toEqual(keyExpiresAt)
  expect(keyExpiryFor({ keyExpiresAt: null, keyExpiresInMs: 3_600_000 }, claimedAt)).toEqual(
    new Date('2026-04-14T09:00:00Z'),
  )
})
