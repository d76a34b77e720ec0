/** What a team tells: subjects without anything that somebody typed, and bodies on one line each. */
import { expect, test } from 'vitest'
import type { Message } from '~/domain/alerts/alert'
import type { TeamFacts } from '~/domain/team/notices'
import { moneyView } from '~/domain/money-view'
import { alertPost } from './alert-posts'

const typed = 'WIN http://evil.example\r\nBcc: all@example.org'
const team = { slug: 'a-team', name: typed }
const who = { userId: 'github:1', name: typed }
const ci = { userId: 'service:1', name: typed }
const some = moneyView(5_000_000_000n)
const month = '2026-11-01'

const all: [TeamFacts, threshold: string][] = [
  [{ kind: 'request', team, ...who, more: some }, 'open'],
  [{ kind: 'decided', team, ...who, decision: 'approved', by: 'x', granted: some, once: true }, ''],
  [{ kind: 'decided', team, ...who, decision: 'refused', by: 'x', granted: null, once: false }, ''],
  [{ kind: 'budget', team, ...who, month, percent: 83, left: some, of: some }, '80'],
  [{ kind: 'budget', team, ...who, month, percent: 100, left: some, of: some }, 'spent'],
  [{ kind: 'dry', team, ...who, month, on: '2026-11-20T10:00:00.000Z', left: some }, 'ahead'],
  ...(['7d', '1d'] as const).map((threshold): [TeamFacts, string] => [
    {
      kind: 'key-ends',
      team,
      ...who,
      keyId: 'one',
      purpose: typed,
      endsAt: '2026-11-20T10:00:00.000Z',
    },
    threshold,
  ]),
  ...(['refused', 'parked', 'no-credit'] as const).map((reason): [TeamFacts, string] => [
    { kind: 'credential', team, service: 'OpenRouter', label: typed, reason },
    reason,
  ]),
  [{ kind: 'budget', team, ...ci, month, percent: 83, left: some, of: some }, '80'],
  [{ kind: 'budget', team, ...ci, month, percent: 100, left: some, of: some }, 'spent'],
  [{ kind: 'dry', team, ...ci, month, on: '2026-11-20T10:00:00.000Z', left: some }, 'ahead'],
]

const post = (facts: TeamFacts, threshold: string, event: Message['event']) =>
  alertPost(
    {
      id: 'one',
      audience: 'team:00000000-0000-4000-8000-000000000001',
      event,
      alertId: 'two',
      severity: 'warning',
      createdAt: '2026-11-10T10:00:00.000Z',
      about: null,
      notice: {
        kind: facts.kind,
        subject: 'three',
        threshold,
        severity: 'warning',
        openedAt: '2026-11-10T10:00:00.000Z',
        resolvedAt: event === 'resolved' ? '2026-11-10T12:00:00.000Z' : null,
        facts,
      },
      items: [],
    },
    'https://keys.example.org',
  )

test.for(all)('%o is told in sentences of ours', ([facts, threshold]) => {
  for (const event of ['raised', 'worse', 'resolved'] as const) {
    const { title, text, url, alert } = post(facts, threshold, event)
    expect(title).not.toContain('evil')
    expect(title).toMatch(/^(Warning: |Resolved: )(A|80 %) /)
    expect(text).toContain('the team “WIN http://evil.example Bcc: all@example.org”')
    expect(text).not.toMatch(/[\r\n]/)
    expect(text).toMatch(/^[\p{Lu}“$].*\.$/u)
    expect(url).toMatch(/^https:\/\/keys\.example\.org\/t\/a-team\//)
    expect(alert).toMatchObject({ team: 'a-team' })
    expect(alert).not.toHaveProperty('workshop')
  }
})

test('a month and a moment are told as people read them', () => {
  expect(post(all[3]![0], '80', 'raised').text).toContain('$5.00 for November 2026 in')
  expect(post(all[6]![0], '7d', 'raised').text).toContain('ends at 2026-11-20 10:00 UTC.')
})

test('what a service account spends is said of it, and leads owners to its budget', () => {
  const facts = { kind: 'budget', team, ...ci, month, percent: 100, left: some, of: some } as const
  const { text, url } = post(facts, 'spent', 'raised')
  expect(text).toMatch(/^The service account WIN .* Its keys can spend nothing more this month/)
  expect(url).toBe('https://keys.example.org/t/a-team/members/service%3A1')
})
