import { expect, test } from 'vitest'
import { cooldownSeconds } from './mint-policy'

test('a gate stays closed longer after each failure, up to 15 s, and 30 s where a person must act', () => {
  const after = (reason: Parameters<typeof cooldownSeconds>[0]) =>
    [1, 2, 4, 5, 9].map((failures) => cooldownSeconds(reason, failures, undefined))
  expect(after('rate-limited')).toEqual([2, 4, 15, 15, 15])
  for (const reason of ['unauthorized', 'forbidden', 'no-credit'] as const)
    expect(after(reason)).toEqual([2, 4, 16, 30, 30])
})

test('what the provider asks to wait is honoured, up to five minutes', () => {
  expect(cooldownSeconds('rate-limited', 9, 2)).toBe(2)
  expect(cooldownSeconds('rate-limited', 1, 3_600)).toBe(300)
})
