import { describe, expect, test } from 'vitest'
import { makeWorkshop } from '../../../tests/world'
import { admit, obstacleOf, type AdmissionInput } from './admission'

const now = new Date('2026-04-14T10:00:00Z')
const workshop = makeWorkshop({
  claimsOpenAt: new Date('2026-04-14T08:00:00Z'),
  claimsCloseAt: new Date('2026-04-14T18:00:00Z'),
  providers: ['github'],
})
const person = {
  userId: 'github:1',
  displayName: 'Ada',
  emailNormalized: 'ada@example.org',
  provider: 'github' as const,
  banned: null,
  githubAccountCreatedAt: new Date('2020-01-01T00:00:00Z'),
}
const input = (change: Partial<AdmissionInput> = {}): AdmissionInput => ({
  workshop,
  person,
  provisioningEnabled: true,
  maxTotalKeys: 0,
  now,
  ...change,
})

test('a person with a verified address and the right provider is admitted while the window is open', () => {
  expect(admit(input())).toBeNull()
})

test.each([
  ['not-open-yet', input({ now: new Date('2026-04-14T07:59:59Z') })],
  ['closed', input({ now: new Date('2026-04-14T18:00:00Z') })],
  ['wrong-provider', input({ person: { ...person, provider: 'google' } })],
  ['no-verified-email', input({ person: { ...person, emailNormalized: null } })],
  ['banned', input({ person: { ...person, banned: { reason: null } } })],
  ['switched-off', input({ provisioningEnabled: false })],
  [
    'account-too-new',
    input({
      workshop: { ...workshop, minAccountAgeMs: 365 * 86_400_000 },
      person: { ...person, githubAccountCreatedAt: new Date('2026-04-01T00:00:00Z') },
    }),
  ],
  [
    'account-too-new',
    input({
      workshop: { ...workshop, minAccountAgeMs: 1 },
      person: { ...person, githubAccountCreatedAt: null },
    }),
  ],
])('%s is refused with its own reason', (reason, refused) => {
  expect(admit(refused)).toBe(reason)
})

test('a closed window is said before anything a person could change', () => {
  expect(
    admit(
      input({
        now: new Date('2026-04-15T00:00:00Z'),
        provisioningEnabled: false,
        person: { ...person, emailNormalized: null },
      }),
    ),
  ).toBe('closed')
})

test('an account that is too new is told from when it is old enough, also before claims open', () => {
  const made = new Date('2026-04-01T00:00:00Z')
  const strict = {
    ...workshop,
    claimsOpenAt: new Date('2027-01-01T00:00:00Z'),
    minAccountAgeMs: 30 * 86_400_000,
  }
  const young = { ...person, githubAccountCreatedAt: made }
  const until = new Date('2026-05-01T00:00:00Z')
  expect(obstacleOf({ workshop: strict, person: young, now })).toEqual({
    reason: 'account-too-new',
    until,
  })
  expect(obstacleOf({ workshop: strict, person: young, now: until })).toBeNull()
  expect(
    obstacleOf({ workshop: strict, person: { ...person, githubAccountCreatedAt: null }, now }),
  ).toEqual({ reason: 'account-too-new', until: null })
})

describe('a giveaway', () => {
  const giveaway = makeWorkshop({
    kind: 'giveaway',
    claimsOpenAt: null,
    claimsCloseAt: null,
    providers: ['github'],
    poolLimit: null,
    maxKeys: 10,
    acknowledgedTerms: true,
  })
  const open = (change: Partial<AdmissionInput> = {}) =>
    admit(input({ workshop: giveaway, maxTotalKeys: 100, ...change }))

  test('admits a person without an email, at any time, once every switch is on', () => {
    expect(open({ person: { ...person, emailNormalized: null } })).toBeNull()
  })

  test.each<[string, Partial<AdmissionInput>]>([
    ['PROVISIONING_ENABLED is not true', { provisioningEnabled: false }],
    ['MAX_TOTAL_KEYS is missing, zero or malformed', { maxTotalKeys: 0 }],
    ['the terms are not acknowledged', { workshop: { ...giveaway, acknowledgedTerms: false } }],
    ['the file bounds no number of keys', { workshop: { ...giveaway, maxKeys: null } }],
  ])('admits nobody while %s', (_switch, change) => {
    expect(open(change)).toBe('switched-off')
  })
})
