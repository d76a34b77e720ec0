import { expect, test } from 'vitest'
import { detailsOf } from './audit-details'

test('details become labels and values: money, times, lists, nested ones', () => {
  expect(
    detailsOf({
      limitUsd: '2.000000000',
      expiresAt: '2026-04-15T00:00:00.000Z',
      because: 'signed-out-everywhere',
      sessions: 3,
      mayClaimAgain: false,
      nothing: null,
      models: ['a', 'b'],
      filter: { state: 'ready', keyHash: 'abcdef0123456789' },
    }),
  ).toEqual([
    { label: 'Limit', kind: 'text', value: '$2.00' },
    { label: 'Ends', kind: 'time', value: '2026-04-15T00:00:00.000Z' },
    { label: 'Because', kind: 'text', value: 'signed out everywhere' },
    { label: 'Sessions', kind: 'text', value: '3' },
    { label: 'May claim again', kind: 'text', value: 'no' },
    { label: 'Models', kind: 'text', value: 'a, b' },
    { label: 'Filter: state', kind: 'text', value: 'ready' },
    { label: 'Filter: key hash', kind: 'code', value: 'abcdef0123456789' },
  ])
})
