import { expect, test } from 'vitest'
import { clockText, countdownText, nextReset, spanText, timeText, waitText } from './time-text'

test('a time names its day and zone, and its year only when that is another one', () => {
  expect(timeText('2026-04-14T16:00:00Z', { timeZone: 'UTC', now: '2026-04-14T10:00:00Z' })).toBe(
    'Tue 14 Apr, 16:00 UTC',
  )
  expect(
    timeText('2026-04-14T16:00:00Z', { timeZone: 'Europe/Berlin', now: '2026-04-14T10:00:00Z' }),
  ).toMatch(/^Tue 14 Apr, 18:00 (CEST|GMT\+2)$/)
  expect(timeText('2027-01-01T00:00:00Z', { timeZone: 'UTC', now: '2026-12-31T10:00:00Z' })).toBe(
    'Fri 1 Jan 2027, 00:00 UTC',
  )
  expect(clockText('2026-04-14T00:05:00Z', 'UTC')).toBe('00:05 UTC')
})

test('a span is its two largest units', () => {
  expect([0, 59.9, 60, 11_520, 90_000, 86_400, 20 * 86_400].map(spanText)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '3 h 12 min',
    '1 day 1 h',
    '1 day',
    '20 days',
  ])
})

test('a wait never promises less than its upper end', () => {
  expect(waitText({ from: 2, to: 9 })).toBe('less than 10 s')
  expect(waitText({ from: 6, to: 14 })).toBe('5 to 15 s')
  expect(waitText({ from: 20, to: 70 })).toBe('less than 2 min')
  expect(waitText({ from: 70, to: 170 })).toBe('1 to 3 min')
})

test('limits reset at midnight UTC: of the next day, of Monday, of the first of the month', () => {
  expect(nextReset('daily', '2026-12-31T23:59:59Z')).toBe('2027-01-01T00:00:00.000Z')
  expect(nextReset('weekly', '2026-04-14T10:00:00Z')).toBe('2026-04-20T00:00:00.000Z')
  expect(nextReset('weekly', '2026-04-19T23:00:00Z')).toBe('2026-04-20T00:00:00.000Z')
  expect(nextReset('weekly', '2026-04-20T00:00:00Z')).toBe('2026-04-27T00:00:00.000Z')
  expect(nextReset('monthly', '2026-12-05T10:00:00Z')).toBe('2027-01-01T00:00:00.000Z')
})

test('a countdown never says less than there is, and counts seconds in the last ten minutes', () => {
  const week = 7 * 86_400
  expect([week - 1, 7_200, 601, 600, 249.2, 60, 59.5, 0.2].map(countdownText)).toEqual([
    '7 days',
    '2 h',
    '11 min',
    '10 min 00 s',
    '4 min 10 s',
    '1 min 00 s',
    '1 min 00 s',
    '1 s',
  ])
})
