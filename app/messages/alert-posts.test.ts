import { expect, test } from 'vitest'
import type { DigestItem, Message } from '~/domain/alerts/alert'
import type { Finding } from '~/domain/operations/judgement'
import { alertPost } from './alert-posts'

const finding = {
  code: 'turned-away',
  count: 12,
  reasons: [{ reason: 'full', count: 12 }],
  full: true,
  minutes: 30,
  severity: 'warning',
  help: 'outside',
  since: null,
  asOf: null,
  workshop: { slug: 'duckdb', title: 'DuckDB' },
} satisfies Finding

const item = (alertId: string, event: DigestItem['event']): DigestItem => ({
  alertId,
  event,
  kind: 'turned-away',
  subject: 'duckdb',
  threshold: '10',
  severity: 'warning',
  facts: { finding },
  openedAt: '2026-11-28T02:00:00.000Z',
  resolvedAt: event === 'resolved' ? '2026-11-28T02:30:00.000Z' : null,
})
const message: Message = {
  id: 'one',
  audience: 'staff',
  about: null,
  event: 'digest',
  alertId: null,
  severity: 'warning',
  createdAt: '2026-11-28T07:00:00.000Z',
  notice: null,
  items: [],
}

test('a digest has one entry for each alert: what it said last, and whether it is over', () => {
  const post = alertPost(
    {
      ...message,
      items: [
        item('a', 'raised'),
        item('b', 'resolved'),
        item('a', 'worse'),
        item('a', 'resolved'),
      ],
    },
    'https://keys.example.org',
  )
  expect(post.title).toBe('2 alerts from your quiet hours')
  expect(post.url).toBe('https://keys.example.org/admin/alerts')
  expect(post.items).toEqual([
    {
      title: 'Warning: DuckDB: 12 tries to claim turned away',
      text:
        '12 tries to claim were turned away in the last 30 minutes: the workshop was full. ' +
        'Resolved after 30 min.',
      url: 'https://keys.example.org/admin/w/duckdb',
    },
    {
      title: 'Resolved: DuckDB: 12 tries to claim turned away',
      text: 'The cause is gone. It lasted 30 min.',
      url: 'https://keys.example.org/admin/w/duckdb',
    },
  ])
})

test('an alert says the numbers, the next step and the page', () => {
  const { alertId: _alertId, event: _event, ...notice } = item('a', 'raised')
  expect(
    alertPost({ ...message, event: 'raised', alertId: 'a', notice }, 'https://keys.example.org'),
  ).toMatchObject({
    title: 'Warning: DuckDB: 12 tries to claim turned away',
    nextStep: 'For more seats, raise max_keys or limit_usd in the file.',
    url: 'https://keys.example.org/admin/w/duckdb',
    alert: { id: 'a', kind: 'turned-away', workshop: 'duckdb', threshold: '10' },
  })
})
