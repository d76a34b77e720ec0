import { expect, test } from 'vitest'
import { detailText } from './team-audit-details'

test('money in an event keeps two decimals, and every further one that says something', () => {
  expect(
    ['20.000000000', '0.500000000', '1.234500000', '0.000000001'].map((usd) =>
      detailText(['capUsd', usd]),
    ),
  ).toEqual(['cap $20.00', 'cap $0.50', 'cap $1.2345', 'cap $0.000000001'])
})

test('a reason is shown as it was written', () => {
  expect(detailText(['reason', 'for the demo'])).toBe('reason: for the demo')
})

test('a time and a service are written as people write them', () => {
  expect(detailText(['expiresAt', '2026-12-28T09:48:59.609Z'])).toBe('ends: 2026-12-28 09:48 UTC')
  expect(detailText(['service', 's3'])).toBe('service: S3')
})
