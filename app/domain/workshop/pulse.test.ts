import { expect, test } from 'vitest'
import { pulseOf, windowAt } from './pulse'
import type { WorkshopView } from './view-types'

const asOf = '2026-04-14T08:00:00.000Z'
const view = (change: Partial<WorkshopView> = {}): WorkshopView => ({
  slug: 'test',
  title: 'A test',
  kind: 'workshop',
  description: null,
  venue: null,
  timezone: 'Europe/Berlin',
  organizer: null,
  docsUrl: null,
  window: 'open',
  endedAt: null,
  opensAt: null,
  closesAt: null,
  providers: ['github'],
  allowedModels: ['openai/gpt-5-nano'],
  keyLimit: { usd: 2, text: '$2.00' },
  keyLimitReset: null,
  keyExpiresAt: '2026-04-15T00:00:00.000Z',
  keyExpiryIsRelative: false,
  marketingOptIn: null,
  seats: { total: 150, left: 3 },
  waitlist: null,
  pool: null,
  paused: null,
  repositoryUrl: null,
  cooldownMs: null,
  minAccountAgeMs: null,
  entry: { domains: [], roster: false, code: false },
  listed: true,
  tools: [],
  announcements: [],
  asOf,
  ...change,
})

test('a pulse holds nothing that does not change, and fits into a few hundred bytes', () => {
  const text = JSON.stringify(pulseOf(view()))
  expect(text).not.toContain('gpt-5-nano')
  expect(text.length).toBeLessThan(300)
})

test.each<[string, Partial<WorkshopView>, number | null]>([
  ['open', {}, 10_000],
  ['paused', { paused: { cause: 'paused', reason: null, since: null } }, 5_000],
  ['closed', { window: 'closed' }, 60_000],
  ['ended by staff', { window: 'closed', endedAt: asOf }, null],
  ['far from its opening', { window: 'upcoming', opensAt: '2026-04-14T09:00:00Z' }, 60_000],
  ['nine minutes before', { window: 'upcoming', opensAt: '2026-04-14T08:09:00Z' }, 15_000],
  ['six seconds before', { window: 'upcoming', opensAt: '2026-04-14T08:00:06Z' }, 6_000],
  ['without a time', { window: 'upcoming' }, 30_000],
])('the server dictates the next look: %s', (_when, change, next) => {
  expect(pulseOf(view(change)).next).toBe(next)
})

test('claims open and close by the clock alone, and an ended workshop stays closed', () => {
  const coming = pulseOf(
    view({ window: 'upcoming', opensAt: '2026-04-14T08:01:00Z', closesAt: '2026-04-14T09:00:00Z' }),
  )
  expect(windowAt(coming, '2026-04-14T08:00:59.999Z')).toBe('upcoming')
  expect(windowAt(coming, '2026-04-14T08:01:00.000Z')).toBe('open')
  expect(windowAt(coming, '2026-04-14T09:00:00.000Z')).toBe('closed')
  expect(windowAt({ ...coming, endedAt: asOf }, '2026-04-14T08:01:00.000Z')).toBe('closed')
})
