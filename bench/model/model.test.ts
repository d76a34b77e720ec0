/** The key protocol within small bounds: no state breaks an invariant, and broken rules are found. */
import { expect, test } from 'vitest'
import { breakSearch, shortSearch } from './runs'

test.each([
  ['a cap without a reset, an act of staff and a delayed call', false],
  ['a daily cap and an act of the owner', true],
])('%s: every state holds', { timeout: 300_000 }, (_name, daily) => {
  const found = shortSearch(daily)
  expect(found.violation).toBeNull()
  expect(found.whole).toBe(true)
  expect(found.states).toBeGreaterThan(10_000)
})

test.each([
  'closed-gates-mint',
  'limit-used',
  'former-keys-count',
  'two-equal-readings',
  'settled-late',
  'save-once',
  'off-first',
  'spare-at-rest',
  'spare-money',
] as const)('broken, %s is found', { timeout: 300_000 }, (rule) => {
  const { violation } = breakSearch(rule)
  expect(violation?.what).toBeTruthy()
})
