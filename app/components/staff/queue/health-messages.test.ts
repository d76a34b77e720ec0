import { expect, test } from 'vitest'
import { callsMessage } from './health-messages'

const calls = { atOnce: 12, ceiling: 25, perSecond: null, refused: 3, of: 40 }

test('staff read how many calls go out at once, and why so many', () => {
  expect(callsMessage({ ...calls, why: 'refused' })).toBe(
    '12 at once: the provider refused 3 of the last 40 calls.',
  )
  expect(callsMessage({ ...calls, why: 'refused', perSecond: 19.5 })).toBe(
    '12 at once and 19.5 a second: the provider refused 3 of the last 40 calls.',
  )
  expect(callsMessage({ ...calls, why: 'ceiling', atOnce: 25, refused: 0 })).toBe(
    '25 at once, as many as MINT_CONCURRENCY allows.',
  )
  expect(callsMessage({ ...calls, why: 'no-limit-met', refused: 0 })).toBe(
    '12 at once, and rising while people wait: the provider refused 0 of the last 40 calls.',
  )
  expect(callsMessage({ ...calls, why: 'no-limit-met', of: 0, refused: 0 })).toBe(
    '12 at once to begin with: no call was made yet.',
  )
})
