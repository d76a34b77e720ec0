/** Joining two accounts: only proven ones, only an empty one, and never for a second claim. */
import { expect, test } from 'vitest'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { createTeam } from '~/domain/team/team.server'
import { openWorld, type World } from '../../../tests/world'
import { resolveAttendee } from './account.server'
import { banPerson } from './ban.server'
import { erasePerson } from './erase.server'
import { findTwin, joinAccounts, readJoin } from './join-accounts.server'
import { unlinkSignIn } from './person.server'
import { endSession, findSession, startSession } from './session.server'

const slug = 'test-workshop'
const email = 'farid@example.org'
const base = { avatarUrl: null, emailIsAuthoritative: false, accountCreatedAt: null, email }
const github: ProviderIdentity = {
  ...base,
  provider: 'github',
  providerUserId: '1',
  login: 'farid',
  name: 'Farid',
}
const google: ProviderIdentity = {
  ...base,
  provider: 'google',
  providerUserId: '2',
  login: null,
  name: 'Farid at Google',
}

/** As the callback does: resolves who it is, and starts a session in place of `before`. */
async function signIn(world: World, identity: ProviderIdentity, before: string | null = null) {
  const current = before ? await findSession(world.ctx, before) : null
  const { userId } = await resolveAttendee(world.ctx, identity, current?.userId)
  const { provider } = identity
  const token = await startSession(world.ctx, {
    userId,
    provider,
    userAgent: null,
    replacesToken: before,
  })
  return { userId, token }
}

/** One person with two accounts, who has just gone from the first to the second in one browser. */
async function twoAccounts(world: World, first = github, second = google) {
  const one = await signIn(world, first)
  const other = await signIn(world, second)
  expect(other.userId).not.toBe(one.userId)
  const { token } = await signIn(world, second, one.token)
  return { first: one.userId, second: other.userId, elsewhere: other.token, token }
}

async function claim(world: World, userId: string, identity: ProviderIdentity) {
  return claimKey(world.ctx, {
    workshopSlug: slug,
    person: {
      userId,
      displayName: identity.name,
      emailNormalized: identity.email,
      provider: identity.provider,
      banned: null,
      githubAccountCreatedAt: new Date('2015-01-01T00:00:00Z'),
    },
    optIn: false,
  })
}

const owners = async (world: World) =>
  (await world.db.identity.findMany({ orderBy: { provider: 'asc' } })).map(
    ({ provider, userId }) => `${provider} opens ${userId}`,
  )

test('the empty account goes into the one with a claim, whichever came first, and it is audited', async () => {
  for (const full of ['first', 'second'] as const) {
    await using world = await openWorld()
    const pair = await twoAccounts(world)
    await claim(world, pair[full], full === 'first' ? github : google)
    const view = await readJoin(world.ctx, pair.token)
    expect(view).toMatchObject({
      refusal: null,
      keep: full === 'first' ? 'earlier' : 'current',
      sides: [
        { provider: 'github', login: 'farid', current: false },
        { provider: 'google', login: null, current: true },
      ],
    })
    expect(await joinAccounts(world.ctx, pair.token)).toEqual({ kind: 'joined' })
    expect(await owners(world)).toEqual([
      `github opens ${pair[full]}`,
      `google opens ${pair[full]}`,
    ])
    // The browser stays signed in, and so does the one elsewhere: its sign-in opens this account now.
    for (const token of [pair.token, pair.elsewhere])
      expect((await findSession(world.ctx, token))?.userId).toBe(pair[full])
    const [event] = await world.db.auditEvent.findMany({ where: { action: 'accounts.joined' } })
    expect(event).toMatchObject({
      actor: `user:${pair[full]}`,
      subject: `user:${pair[full]}`,
      details: { deleted: full === 'first' ? pair.second : pair.first },
    })
    expect(
      await world.db.attendee.count({ where: { userId: { in: [pair.first, pair.second] } } }),
    ).toBe(1)
    for (const identity of [github, google])
      expect((await resolveAttendee(world.ctx, identity)).userId).toBe(pair[full])
  }
})

test('of two empty accounts the older one stays', async () => {
  await using world = await openWorld()
  const { first, token } = await twoAccounts(world, google, github)
  expect(await joinAccounts(world.ctx, token)).toEqual({ kind: 'joined' })
  expect(await owners(world)).toEqual([`github opens ${first}`, `google opens ${first}`])
})

test('eight clicks at once join once, and a ninth finds nothing to join', async () => {
  await using world = await openWorld()
  const { first, token } = await twoAccounts(world)
  await claim(world, first, github)
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () => joinAccounts(world.ctx, token)),
  )
  expect(outcomes.filter(({ kind }) => kind === 'joined')).toHaveLength(1)
  expect(await joinAccounts(world.ctx, token)).toEqual({ kind: 'refused', reason: 'not-proven' })
  expect(await world.db.auditEvent.count({ where: { action: 'accounts.joined' } })).toBe(1)
})

// Whichever commits first: the other sees it, or is refused by the database.
test('a claim, a sign-in or a ban at the same moment leaves no claim without a person and no second one', async () => {
  await using world = await openWorld()
  const outcomes = new Set<string>()
  for (let round = 0; round < 16; round++) {
    const address = `round${round}@example.org`
    const [hub, goo] = [
      { ...github, providerUserId: `${round}1`, email: address },
      { ...google, providerUserId: `${round}2`, email: address },
    ]
    const pair = await twoAccounts(world, hub, goo)
    const both = [pair.first, pair.second]
    await claim(world, pair.first, hub)
    const [outcome] = await Promise.all([
      joinAccounts(world.ctx, pair.token),
      // By another address, so that the address alone does not refuse it.
      round % 4 === 3 ? null : claim(world, pair.second, { ...goo, email: `other-${address}` }),
      resolveAttendee(world.ctx, goo),
      round % 2
        ? banPerson(world.ctx, {
            userId: pair.second,
            reason: 'a test',
            actorUserId: 'github:staff',
          })
        : null,
    ])
    outcomes.add(outcome.kind === 'joined' ? 'joined' : outcome.reason)
    const joined = outcome.kind === 'joined'
    const where = { userId: { in: both } }
    const claims = await world.db.workshopAttendance.findMany({ where })
    const people = await world.db.attendee.findMany({ where, include: { identities: true } })
    expect(people.map(({ identities }) => identities.length)).toEqual(joined ? [2] : [1, 1])
    if (joined) {
      expect(claims.map(({ userId }) => userId)).toEqual([pair.first])
      expect(people.map(({ userId, bannedAt }) => [userId, bannedAt])).toEqual([[pair.first, null]])
    }
  }
  expect(outcomes, 'both orders were seen').toContain('joined')
})

test('what is not proven in this browser, a moment ago, and by one verified address is not joined', async () => {
  await using world = await openWorld()
  const refusal = async (token: string) => {
    const outcome = await joinAccounts(world.ctx, token)
    return outcome.kind === 'refused' ? outcome.reason : outcome.kind
  }
  const one = await signIn(world, github)
  const two = await signIn(world, google)
  expect(await refusal(two.token), 'signed in elsewhere only').toBe('not-proven')
  expect(await refusal('x'.repeat(43)), 'a token of nobody').toBe('not-proven')

  const ended = await signIn(world, github)
  await endSession(world.ctx, ended.token)
  const after = await signIn(world, google, ended.token)
  expect(await refusal(after.token), 'the first session was over').toBe('not-proven')

  const idle = await signIn(world, github)
  await world.db.$executeRaw`
    update keymint.sessions set last_seen_at = now() - interval '8 days' where user_id = ${one.userId}`
  const later = await signIn(world, google, idle.token)
  expect(await refusal(later.token), 'the first session was idle for a week').toBe('not-proven')

  const proven = await signIn(world, google, (await signIn(world, github)).token)
  await world.db.$executeRaw`
    update keymint.sessions set created_at = created_at - interval '31 minutes'
      where earlier_token_hash is not null`
  expect(await refusal(proven.token), 'half an hour ago').toBe('not-proven')

  for (const address of [null, 'somebody-else@example.org']) {
    const stranger = { ...google, providerUserId: `of-${address}`, email: address }
    const { token, userId } = await signIn(world, stranger, (await signIn(world, github)).token)
    expect(await refusal(token), `with the address ${address}`).toBe('emails-differ')
    expect(await world.db.identity.count({ where: { userId } })).toBe(1)
  }

  // The address was verified once, and is not any more.
  const unverified = await signIn(
    world,
    { ...google, email: null },
    (await signIn(world, github)).token,
  )
  expect(await refusal(unverified.token)).toBe('emails-differ')
  expect(await owners(world)).toContain(`google opens ${two.userId}`)
})

test('two accounts in use, two of one provider, and a banned one stay as they are', async () => {
  await using world = await openWorld()
  const inUse = await twoAccounts(world)
  await claim(world, inUse.first, github)
  await createTeam(world.ctx, {
    name: 'Ada',
    slug: 'ada',
    person: { userId: inUse.second, banned: null },
  })
  expect(await readJoin(world.ctx, inUse.token)).toMatchObject({
    refusal: 'both-in-use',
    keep: null,
  })
  expect(await joinAccounts(world.ctx, inUse.token)).toEqual({
    kind: 'refused',
    reason: 'both-in-use',
  })

  const renamed = { ...github, providerUserId: '3', email: 'ada@example.org' }
  const alike = await twoAccounts(world, renamed, { ...renamed, providerUserId: '4' })
  expect(await joinAccounts(world.ctx, alike.token)).toEqual({
    kind: 'refused',
    reason: 'same-provider',
  })

  for (const [index, whom] of (['first', 'second'] as const).entries()) {
    const address = `banned${index}@example.org`
    const pair = await twoAccounts(
      world,
      { ...github, providerUserId: `1${index}`, email: address },
      { ...google, providerUserId: `2${index}`, email: address },
    )
    await world.db.attendee.update({
      where: { userId: pair[whom] },
      data: { bannedAt: new Date(), banReason: 'a test' },
    })
    expect(await joinAccounts(world.ctx, pair.token)).toEqual({ kind: 'refused', reason: 'banned' })
  }
})

test('a ban outlives its erased account, and its sign-in joins nobody', async () => {
  await using world = await openWorld()
  const { userId } = await signIn(world, github)
  await world.db.attendee.update({ where: { userId }, data: { bannedAt: new Date() } })
  expect(await erasePerson(world.ctx, { userId, because: 'retention' })).toEqual({ kind: 'erased' })
  const { token } = await twoAccounts(world)
  expect(await joinAccounts(world.ctx, token)).toEqual({ kind: 'refused', reason: 'banned' })
})

test('joining and disconnecting opens no second claim, by either sign-in', async () => {
  await using world = await openWorld()
  const pair = await twoAccounts(world)
  await claim(world, pair.first, github)
  await joinAccounts(world.ctx, pair.token)
  expect(
    await unlinkSignIn(world.ctx, {
      userId: pair.first,
      provider: 'google',
      signedInWith: 'github',
    }),
  ).toBe('unlinked')
  const second = await resolveAttendee(world.ctx, google)
  expect(second).toMatchObject({ created: true })
  for (const address of [email, 'elsewhere@example.org'])
    expect(await claim(world, second.userId, { ...google, email: address })).toEqual({
      kind: 'refused',
      reason: 'had-one-before',
    })
  expect(await world.db.workshopAttendance.count()).toBe(1)
})

test('a hold of the joined sign-in holds for the account that it opens now', async () => {
  await using world = await openWorld()
  const { userId } = await signIn(world, google)
  await claim(world, userId, google)
  await world.db.$executeRaw`
    update keymint.workshop_attendance set state = 'ended', ended_at = now(), reason = 'given-back'`
  await erasePerson(world.ctx, { userId, because: 'asked' })
  const pair = await twoAccounts(world)
  expect(await joinAccounts(world.ctx, pair.token)).toEqual({ kind: 'joined' })
  expect(await claim(world, pair.first, { ...github, email: 'elsewhere@example.org' })).toEqual({
    kind: 'refused',
    reason: 'had-one-before',
  })
})

test('who has another account by the same verified address is told of its provider, nobody else is', async () => {
  await using world = await openWorld()
  const pair = await twoAccounts(world)
  expect(await findTwin(world.ctx, pair.first)).toBe('google')
  expect(await findTwin(world.ctx, pair.second)).toBe('github')
  const stranger = await signIn(world, { ...google, providerUserId: '9', email: 'x@example.org' })
  expect(await findTwin(world.ctx, stranger.userId)).toBeNull()
  const unverified = await signIn(world, { ...google, providerUserId: '10', email: null })
  expect(await findTwin(world.ctx, unverified.userId)).toBeNull()
  await joinAccounts(world.ctx, pair.token)
  expect(await findTwin(world.ctx, pair.first)).toBeNull()
})
