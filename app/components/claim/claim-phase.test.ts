import { expect, test } from 'vitest'
import type { ClaimView, KeyView } from '~/domain/claim/view-types'
import {
  deadMessage,
  endMessages,
  isRefusedReason,
  notTakenMessage,
  notTakenMessages,
  refusalMessages,
} from './claim-messages'
import { delayMessages } from './delay-messages'
import { announcement, documentTitle, headline, phaseOf } from './claim-phase'

const claim = (change: Partial<ClaimView> = {}): ClaimView => ({
  claimId: 'c',
  reference: '0E6A1C96',
  workshopSlug: 'duckdb',
  state: 'pending',
  claimedAt: '2026-04-14T09:00:00Z',
  expiresAt: '2026-04-15T00:00:00Z',
  asOf: '2026-04-14T09:00:04Z',
  steps: [
    { name: 'queued', state: 'now' },
    { name: 'checking', state: 'next' },
    { name: 'creating', state: 'next' },
    { name: 'limits', state: 'next' },
    { name: 'ready', state: 'next' },
  ],
  waiting: { peopleAhead: 12, etaSeconds: null, delay: null, workerSeen: true },
  refusal: null,
  end: null,
  claimAgain: null,
  replacing: null,
  isReplacement: false,
  formerKey: null,
  key: null,
  nextPollMs: 1000,
  ...change,
})
const key = (change: Partial<KeyView> = {}): KeyView => ({
  label: 'sk-or-v1-0e6...1c96',
  revealable: true,
  budgetFollows: false,
  unbound: null,
  limit: { text: '$2.00', usd: 2 },
  limitReset: null,
  used: null,
  left: null,
  usedTotal: null,
  usageAsOf: null,
  lastUsedAt: null,
  expiresAt: '2026-04-15T00:00:00Z',
  allowedModels: [],
  disabled: false,
  disabledByOrganiser: false,
  missingUpstream: false,
  hold: null,
  ...change,
})

test('every phase of a claim has its own headline and title', () => {
  const ready = (change?: Partial<KeyView>) =>
    claim({ state: 'ready', waiting: null, key: key(change) })
  const views = [
    claim(),
    claim({
      steps: [
        { name: 'queued', state: 'done' },
        { name: 'checking', state: 'done' },
        { name: 'creating', state: 'now' },
      ],
    }),
    claim({
      waiting: {
        peopleAhead: 0,
        etaSeconds: null,
        workerSeen: true,
        delay: {
          reason: 'rate-limited',
          attempt: 2,
          retryInSeconds: 12,
          detail: null,
          since: null,
        },
      },
    }),
    claim({ waiting: { peopleAhead: 0, etaSeconds: null, workerSeen: false, delay: null } }),
    ready({ revealable: false }),
    ready(),
    ready({ left: { text: '$0.00', usd: 0 } }),
    ready({ disabled: true }),
    claim({
      state: 'ended',
      waiting: null,
      end: { reason: 'expired', endedAt: '2026-04-15T00:00:00Z' },
    }),
    claim({ state: 'refused', waiting: null, refusal: { reason: 'gave-up', detail: null } }),
  ]
  expect(views.map(phaseOf)).toEqual([
    'queued',
    'working',
    'delayed',
    'no-worker',
    'limits',
    'ready',
    'spent',
    'dead-upstream',
    'ended',
    'refused',
  ])
  expect(new Set(views.map(headline)).size).toBe(views.length)
  expect(new Set(views.map((view) => documentTitle(view, 'DuckDB'))).size).toBe(views.length)
  expect(documentTitle(ready(), 'DuckDB')).toBe('Ready – DuckDB · Keymint')
})

// A screen reader is not flooded.
test('the announcement stays the same while only numbers change', () => {
  const at = (peopleAhead: number, etaSeconds: { from: number; to: number }) =>
    announcement(claim({ waiting: { peopleAhead, etaSeconds, delay: null, workerSeen: true } }))
  expect(at(12, { from: 5, to: 20 })).toBe(at(3, { from: 2, to: 4 }))
})

test('only our own codes are refusals, whatever the address says', () => {
  expect(['full', 'closed'].every(isRefusedReason)).toBe(true)
  expect([null, '', 'toString', '__proto__', '<script>'].some(isRefusedReason)).toBe(false)
})

test('no two refusals, ends or delays say the same thing', () => {
  for (const table of [notTakenMessages, refusalMessages, endMessages, delayMessages]) {
    const meanings = Object.values(table).map((message) => message.meaning)
    expect(new Set(meanings).size).toBe(meanings.length)
  }
})

test('a key that the organiser has disabled says so, and one that the provider has does not', () => {
  const dead = (change: Partial<KeyView>) =>
    deadMessage(claim({ state: 'ready', waiting: null, key: key({ disabled: true, ...change }) }))
  expect(dead({ disabledByOrganiser: true }).title).toContain('organiser has disabled')
  expect(dead({}).title + dead({}).meaning).not.toContain('organiser')
})

test('a refused provider names the one to use where there is only one', () => {
  const titleFor = (providers: ('github' | 'google')[]) =>
    notTakenMessage('wrong-provider', { kind: 'giveaway', providers }).title
  expect(titleFor(['github'])).toBe('This giveaway needs a GitHub account')
  expect(titleFor(['github', 'google'])).toBe(notTakenMessages['wrong-provider'].title)
})

test('a key that is being replaced is offered to nobody, and the one after it is called new', () => {
  const leaked = claim({ state: 'ready', waiting: null, key: key(), replacing: 're-issue' })
  const off = { ...leaked, key: key({ disabled: true }) }
  for (const view of [leaked, off]) {
    expect(phaseOf(view)).toBe('replacing')
    expect(headline(view)).toBe('Your new key is on its way')
  }
  const fresh = claim({ state: 'ready', waiting: null, key: key(), isReplacement: true })
  expect(headline(fresh)).toBe('Your new key is ready')
})
