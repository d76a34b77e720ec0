import { expect, test } from 'vitest'
import { errorGroupTitle, errorSentence } from '../error-text'
import { errorGroupOf, normalised } from './error-groups'
import { addBins, binBoundsMs, binOf, noBins, quantileMs } from './histogram'

const fingerprint = (job: string, error: Parameters<typeof errorGroupOf>[1]) =>
  errorGroupOf(job, error).fingerprint

test('a provider that is down is one error, however the connection failed and whatever the job was', () => {
  const ways = [
    fingerprint('mint-key', { reason: 'unreachable' }),
    fingerprint('bind-guardrail', { reason: 'connection-lost', message: 'socket hang up' }),
    fingerprint('sync-usage', { reason: 'timeout' }),
    fingerprint('mint-key', { reason: 'server-error', status: 503, message: 'come back later' }),
    fingerprint('mint-key', { reason: 'server-error', status: 502 }),
  ]
  expect(new Set(ways).size).toBe(1)
  expect(errorGroupTitle(errorGroupOf('mint-key', { reason: 'timeout' }))).toBe(
    'The provider could not be reached.',
  )
  expect(errorSentence({ reason: 'server-error', status: 503, message: 'come back later' })).toBe(
    'The provider had an error of its own (503): come back later',
  )
})

test('other errors are apart: by kind, by status, by message, and those of our own by their job', () => {
  const apart = [
    fingerprint('mint-key', { reason: 'unreachable' }),
    fingerprint('mint-key', { reason: 'rate-limited', status: 429 }),
    fingerprint('mint-key', { reason: 'server-error', status: 500 }),
    fingerprint('mint-key', { reason: 'bad-request', status: 400, message: 'no such model' }),
    fingerprint('mint-key', { reason: 'bad-request', status: 400, message: 'limit too high' }),
    fingerprint('mint-key', { reason: 'unexpected', message: 'TypeError: no' }),
    fingerprint('sweep', { reason: 'unexpected', message: 'TypeError: no' }),
  ]
  expect(new Set(apart).size).toBe(apart.length)
  expect(fingerprint('mint-key', { reason: 'rate-limited', status: 429, message: 'one' })).toBe(
    fingerprint('mint-key', { reason: 'rate-limited' }),
  )
})

test('what differs from job to job is no part of a message', () => {
  expect(
    normalised('Key 3f2b8a70-1111-4222-8333-123456789abc of "Ada" was 12 ms late (0a1b2c3d4e5f)'),
  ).toBe('Key <id> of <text> was <n> ms late (<hash>)')
  expect(normalised('a defaced facade')).toBe('a defaced facade')
})

test('a histogram adds up, and its quantiles lie between the bounds of their bin', () => {
  const bins = [3, 30, 30, 300, 999_999]
    .map((ms) => noBins().map((_, index) => (index === binOf(ms) ? 1 : 0)))
    .reduce(addBins, noBins())
  expect(bins.reduce((sum, count) => sum + count, 0)).toBe(5)
  expect(quantileMs(noBins(), 0.5)).toBeNull()
  expect(quantileMs(bins, 0.5)).toBeGreaterThan(20)
  expect(quantileMs(bins, 0.5)).toBeLessThanOrEqual(50)
  expect(quantileMs(bins, 1)).toBe(binBoundsMs.at(-1))
  for (const share of [0.1, 0.3, 0.5, 0.9])
    expect(quantileMs(bins, share)).toBeLessThanOrEqual(quantileMs(bins, share + 0.05) ?? 0)
})
