import { expect, test } from 'vitest'
import { claimAgainFrom } from './claim-again'

const endedAt = new Date('2026-04-14T10:00:00Z')
const ended = { state: 'ended', reason: 'expired', endedAt, cooldownMs: 3_600_000n }

test('the next claim opens when the cool-down after the end is over', () => {
  expect(claimAgainFrom(ended)).toEqual(new Date('2026-04-14T11:00:00Z'))
  expect(claimAgainFrom({ ...ended, cooldownMs: 0n, reason: 'given-back' })).toEqual(endedAt)
})

test.each([
  ['a key that lives', { ...ended, state: 'ready' }],
  ['a key that was taken back', { ...ended, reason: 'revoked' }],
  ['a claim in a workshop', { ...ended, cooldownMs: null }],
])('%s opens none', (_case, claim) => {
  expect(claimAgainFrom(claim)).toBeNull()
})
