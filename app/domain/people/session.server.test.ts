import { createHash } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { resolveAttendee } from './account.server'
import {
  endAllSessions,
  endSession,
  findSession,
  isOrganizer,
  roleOf,
  startSession,
} from './session.server'
import { testDb } from '../../../tests/database'

const world = await testDb()
afterAll(() => world.drop())
const { db } = world
const nobody = {
  provisioningEnabled: true,
  maxTotalKeys: 0,
  adminEmails: [],
  adminGithubIds: [],
  viewerEmails: [],
  providerBaseUrl: 'https://openrouter.ai/api/v1',
  readUsageSeconds: 60,
  retentionDays: null,
}
const ctx = { db, settings: nobody }

let serial = 1
async function person(given: Partial<ProviderIdentity> = {}): Promise<string> {
  const providerUserId = String(serial++)
  const { userId } = await resolveAttendee(ctx, {
    provider: 'github',
    providerUserId,
    login: 'octo',
    email: `p${providerUserId}@example.org`,
    name: 'Octo',
    avatarUrl: null,
    accountCreatedAt: new Date('2015-03-01T12:00:00Z'),
    emailIsAuthoritative: false,
    ...given,
  })
  return userId
}
const signIn = (userId: string, replacesToken?: string) =>
  startSession(ctx, { userId, provider: 'github', userAgent: 'test', replacesToken })
const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')
const events = (userId: string) =>
  db.auditEvent.findMany({
    where: { subject: `user:${userId}`, action: { startsWith: 'session.' } },
    orderBy: { id: 'asc' },
  })

test('a session says who it is, and the database holds the hash of its token alone', async () => {
  const userId = await person({ email: 'Ada@example.org' })
  const token = await signIn(userId)
  expect(token).toMatch(/^[\w-]{43}$/)
  expect(await findSession(ctx, token)).toEqual({
    userId,
    displayName: 'Octo',
    avatarUrl: null,
    email: 'Ada@example.org',
    emailNormalized: 'ada@example.org',
    provider: 'github',
    banned: null,
    githubIds: [userId.slice('github:'.length)],
    githubAccountCreatedAt: new Date('2015-03-01T12:00:00Z'),
    githubLogins: ['octo'],
    role: 'attendee',
  })
  const rows = await db.session.findMany({ where: { userId } })
  expect(rows.map((row) => row.tokenHash)).toEqual([hashOf(token)])
  expect(
    JSON.stringify([rows, (await events(userId)).map((event) => event.details)]),
  ).not.toContain(token)
})

test.each(['', 'x', 'A'.repeat(43), "' or 1=1 --"])('the token %j opens nothing', async (token) => {
  expect(await findSession(ctx, token)).toBeNull()
})

test('the hash from the database is no token', async () => {
  const token = await signIn(await person())
  expect(await findSession(ctx, hashOf(token))).toBeNull()
})

test.each([
  [
    '29 days old, used yesterday',
    [
      `created_at = now() - interval '29 days'`,
      `expires_at = now() + interval '1 day'`,
      `last_seen_at = now() - interval '1 day'`,
    ].join(', '),
    true,
  ],
  ['30 days old', `expires_at = now() - interval '1 second'`, false],
  ['unused for 6 days', `last_seen_at = now() - interval '6 days 23 hours'`, true],
  ['unused for 7 days', `last_seen_at = now() - interval '7 days 1 second'`, false],
  ['ended', `ended_at = now()`, false],
])('a session that is %s', async (_, change, counts) => {
  const token = await signIn(await person())
  await db.$executeRawUnsafe(
    `update keymint.sessions set ${change} where token_hash = '${hashOf(token)}'`,
  )
  expect((await findSession(ctx, token)) !== null).toBe(counts)
})

test('use is recorded every few minutes and not at every request', async () => {
  const token = await signIn(await person())
  const seen = async () =>
    (
      await db.session.findUniqueOrThrow({ where: { tokenHash: hashOf(token) } })
    ).lastSeenAt.getTime()
  const start = await seen()
  await findSession(ctx, token)
  expect(await seen()).toBe(start)
  await db.$executeRawUnsafe(
    `
      update keymint.sessions set last_seen_at = now() - interval '6 minutes'
        where token_hash = '${hashOf(token)}'`,
  )
  await Promise.all(Array.from({ length: 8 }, () => findSession(ctx, token)))
  expect(await seen()).toBeGreaterThanOrEqual(start)
})

test('use never carries a session past its thirty days', async () => {
  const token = await signIn(await person())
  const expiry = async () =>
    (await db.session.findUniqueOrThrow({ where: { tokenHash: hashOf(token) } })).expiresAt
  const before = await expiry()
  await db.$executeRawUnsafe(
    `
      update keymint.sessions set last_seen_at = now() - interval '1 day'
        where token_hash = '${hashOf(token)}'`,
  )
  await findSession(ctx, token)
  expect(await expiry()).toEqual(before)
})

test('a signed-out session stays over when its cookie is replayed, and is audited once', async () => {
  const userId = await person()
  const token = await signIn(userId)
  await Promise.all(Array.from({ length: 5 }, () => endSession(ctx, token)))
  expect(await findSession(ctx, token)).toBeNull()
  expect((await events(userId)).map((event) => event.action)).toEqual([
    'session.started',
    'session.ended',
  ])
})

test('signing in again gives a new token and ends the one this browser had', async () => {
  const [first, second] = [await person(), await person()]
  const old = await signIn(first)
  const fresh = await signIn(second, old)
  expect(fresh).not.toBe(old)
  expect(await findSession(ctx, old)).toBeNull()
  expect((await findSession(ctx, fresh))?.userId).toBe(second)
})

test('signing out everywhere ends every session of the person and of nobody else', async () => {
  const [mine, theirs] = [await person(), await person()]
  const tokens = [await signIn(mine), await signIn(mine), await signIn(mine)]
  const other = await signIn(theirs)
  expect(await endAllSessions(ctx, mine, 'user:github:99')).toBe(3)
  expect(await Promise.all(tokens.map((token) => findSession(ctx, token)))).toEqual([
    null,
    null,
    null,
  ])
  expect(await findSession(ctx, other)).not.toBeNull()
  expect((await events(mine)).at(-1)).toMatchObject({
    actor: 'user:github:99',
    action: 'session.ended',
    details: { sessions: 3 },
  })
  expect(await endAllSessions(ctx, mine)).toBe(0)
})

test('a ban and a lost role count at the next request', async () => {
  const userId = await person({ email: 'boss@example.org' })
  const token = await signIn(userId)
  const admins = { db, settings: { ...nobody, adminEmails: ['Boss@Example.org'] } }
  expect((await findSession(admins, token))?.role).toBe('admin')
  expect((await findSession(ctx, token))?.role).toBe('attendee')
  await db.attendee.update({
    where: { userId },
    data: { bannedAt: new Date(), banReason: 'shared the key' },
  })
  expect(await findSession(admins, token)).toMatchObject({
    banned: { reason: 'shared the key' },
    role: 'attendee',
  })
})

test('an admin whose email is no longer verified is no admin from the next sign-in on', async () => {
  const settings = { ...nobody, adminEmails: ['chief@example.org'] }
  const identity: Partial<ProviderIdentity> = {
    providerUserId: 'chief',
    email: 'chief@example.org',
  }
  const token = await signIn(await person(identity))
  expect((await findSession({ db, settings }, token))?.role).toBe('admin')
  const second = await signIn(await person({ ...identity, email: null }))
  expect(await findSession({ db, settings }, second)).toMatchObject({
    email: null,
    role: 'attendee',
  })
})

test.each([
  [{ email: 'boss@example.org', githubIds: [] }, 'admin'],
  [{ email: 'BOSS@example.org', githubIds: [] }, 'admin'],
  [{ email: 'boss+x@example.org', githubIds: [] }, 'attendee'],
  [{ email: 'bo.ss@gmail.com', githubIds: [] }, 'attendee'],
  [{ email: 'bo\u017fs@example.org', githubIds: [] }, 'attendee'],
  [{ email: 'look@example.org', githubIds: [] }, 'viewer'],
  [{ email: 'look@example.org', githubIds: ['583231'] }, 'admin'],
  [{ email: null, githubIds: ['583231'] }, 'admin'],
  [{ email: null, githubIds: ['58323'] }, 'attendee'],
  [{ email: '', githubIds: [] }, 'attendee'],
  [{ email: null, githubIds: [] }, 'attendee'],
] as const)('%j has the role %s', (who, role) => {
  const settings = {
    adminEmails: ['boss@example.org', 'boss@gmail.com'],
    adminGithubIds: ['583231'],
    viewerEmails: ['look@example.org'],
  }
  expect(roleOf(settings, { email: who.email, githubIds: [...who.githubIds], banned: false })).toBe(
    role,
  )
  expect(roleOf(settings, { email: who.email, githubIds: [...who.githubIds], banned: true })).toBe(
    'attendee',
  )
})

test('an organizer is known by a verified address or a login, letter by letter, and never banned', () => {
  const workshop = { organizers: ['ada@example.org', 'octocat'] }
  const who = (change: object) =>
    isOrganizer(workshop, { email: null, githubLogins: [], banned: null, ...change })
  expect(who({ email: 'Ada@example.org' })).toBe(true)
  expect(who({ githubLogins: ['octocat'] })).toBe(true)
  expect(who({ email: 'octocat' }), 'an address is no login').toBe(false)
  expect(who({ githubLogins: ['ada@example.org'] })).toBe(false)
  expect(who({ email: 'ada+x@example.org', githubLogins: ['octo'] })).toBe(false)
  expect(who({ githubLogins: ['octocat'], banned: { reason: null } })).toBe(false)
  expect(isOrganizer(undefined, { email: null, githubLogins: ['octocat'], banned: null })).toBe(
    false,
  )
})
