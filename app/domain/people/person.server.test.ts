/** What a person changes about themselves: sign-ins, sessions, agreement, keys. */
import { expect, test } from 'vitest'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { applyAll } from '../../../tests/engine'
import { openWorld, type World } from '../../../tests/world'
import { resolveAttendee } from './account.server'
import { readPerson, unlinkSignIn, withdrawOptIn } from './person.server'
import {
  endOtherSessions,
  endSessionOf,
  findSession,
  listSessions,
  startSession,
} from './session.server'

const base = { login: 'ada', avatarUrl: null, emailIsAuthoritative: true, accountCreatedAt: null }
const github: ProviderIdentity = {
  ...base,
  provider: 'github',
  providerUserId: '1',
  name: 'Ada',
  email: 'ada@example.org',
}
const google: ProviderIdentity = {
  ...base,
  provider: 'google',
  providerUserId: '2',
  name: 'Ada at Google',
  email: 'ada@example.org',
}

async function twoSignIns(world: World) {
  const { userId } = await resolveAttendee(world.ctx, github)
  expect((await resolveAttendee(world.ctx, google, userId)).userId).toBe(userId)
  return userId
}
const actions = async (world: World) =>
  (await world.db.auditEvent.findMany({ orderBy: { id: 'asc' } })).map((event) => event.action)

// Its sessions end with it.
test('a sign-in can be disconnected while another remains, not the one in use', async () => {
  await using world = await openWorld()
  const userId = await twoSignIns(world)
  const [onGitHub, onGoogle] = [
    await startSession(world.ctx, { userId, provider: 'github', userAgent: null }),
    await startSession(world.ctx, { userId, provider: 'google', userAgent: null }),
  ]
  expect(
    await unlinkSignIn(world.ctx, { userId, provider: 'github', signedInWith: 'github' }),
  ).toBe('signed-in-with-it')
  const both = await Promise.all([
    unlinkSignIn(world.ctx, { userId, provider: 'google', signedInWith: 'github' }),
    unlinkSignIn(world.ctx, { userId, provider: 'github', signedInWith: 'google' }),
  ])
  expect(both.sort(), 'two browsers that each take the other off leave one').toEqual([
    'the-last-one',
    'unlinked',
  ])
  expect(await world.db.identity.count({ where: { userId } })).toBe(1)
  const kept = (await world.db.identity.findFirstOrThrow({ where: { userId } })).provider
  expect([
    (await findSession(world.ctx, onGitHub)) !== null,
    (await findSession(world.ctx, onGoogle)) !== null,
  ]).toEqual([kept === 'github', kept === 'google'])
  expect(
    await unlinkSignIn(world.ctx, {
      userId,
      provider: kept === 'github' ? 'google' : 'github',
      signedInWith: kept === 'github' ? 'github' : 'google',
    }),
  ).toBe('not-linked')
  expect((await actions(world)).filter((action) => action === 'identity.unlinked')).toHaveLength(1)
})

// Signing in again with the first identity opens the same account.
test('after disconnecting the sign-in that named an account, the other names it', async () => {
  await using world = await openWorld()
  const userId = await twoSignIns(world)
  expect(
    await unlinkSignIn(world.ctx, { userId, provider: 'github', signedInWith: 'google' }),
  ).toBe('unlinked')
  expect(await world.db.attendee.findUniqueOrThrow({ where: { userId } })).toMatchObject({
    displayName: 'Ada at Google',
    email: 'ada@example.org',
  })
  // An address that is no longer verified there must not linger: a role may depend on it.
  await resolveAttendee(world.ctx, { ...google, email: null, name: 'Ada G.' })
  expect(await world.db.attendee.findUniqueOrThrow({ where: { userId } })).toMatchObject({
    displayName: 'Ada G.',
    email: null,
    emailNormalized: null,
  })
  expect((await resolveAttendee(world.ctx, github)).userId).toBe(userId)
  await resolveAttendee(world.ctx, google)
  expect(await world.db.attendee.findUniqueOrThrow({ where: { userId } })).toMatchObject({
    displayName: 'Ada',
    email: 'ada@example.org',
  })
})

test('withdrawing clears the flag, keeps when and where one first agreed, and is recorded once', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  const { userId } = person!
  const first = new Date('2026-02-03T04:05:06Z')
  await world.db.attendee.update({
    where: { userId },
    data: { marketingOptedIn: true, marketingOptedInAt: first, marketingOptedInWorkshop: 'first' },
  })
  expect((await readPerson(world.ctx, userId)).optIn).toEqual({
    since: first.toISOString(),
    workshopSlug: 'first',
  })
  expect([await withdrawOptIn(world.ctx, userId), await withdrawOptIn(world.ctx, userId)]).toEqual([
    true,
    false,
  ])
  expect(await world.db.attendee.findUniqueOrThrow({ where: { userId } })).toMatchObject({
    marketingOptedIn: false,
    marketingOptedInAt: first,
    marketingOptedInWorkshop: 'first',
  })
  expect((await readPerson(world.ctx, userId)).optIn).toBeNull()
  expect(await actions(world)).toEqual(['marketing.withdrawn'])
})

// Nobody sees or ends the sessions of others.
test('sessions are listed with this one marked, and ended one by one or all but this one', async () => {
  await using world = await openWorld()
  const [me, other] = await world.people(2)
  const start = (userId: string) =>
    startSession(world.ctx, {
      userId,
      provider: 'github',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    })
  const [here, there, elsewhere, stranger] = [
    await start(me!.userId),
    await start(me!.userId),
    await start(me!.userId),
    await start(other!.userId),
  ]
  const sessions = await listSessions(world.ctx, me!.userId, here)
  expect(sessions.map((session) => session.current)).toEqual([true, false, false])
  const strangers = (await listSessions(world.ctx, other!.userId, null))[0]!
  expect(strangers.current).toBe(false)
  expect(await endSessionOf(world.ctx, { userId: me!.userId, label: strangers.label })).toBe(false)
  const label = sessions.find((session) => !session.current)!.label
  expect(await endSessionOf(world.ctx, { userId: me!.userId, label })).toBe(true)
  expect(await endSessionOf(world.ctx, { userId: me!.userId, label })).toBe(false)
  const alive = async () =>
    (
      await Promise.all(
        [here, there, elsewhere, stranger].map((token) => findSession(world.ctx, token)),
      )
    ).map((viewer) => viewer !== null)
  expect((await alive()).filter(Boolean)).toHaveLength(3)
  expect(await endOtherSessions(world.ctx, { userId: me!.userId, keepToken: here })).toBe(1)
  expect(await alive()).toEqual([true, false, false, true])
})

// Upstream it is disabled now, or when the provider answers.
test('a key that is given back ends at once', async () => {
  await using world = await openWorld()
  const [person, other] = await world.people(2)
  const { userId } = person!
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  await runMint(world.ctx, (await world.db.mint.findFirstOrThrow()).id)
  const { claimId, orKeyHash } = await world.db.workshopAttendance.findFirstOrThrow()
  expect(await giveBack(world.ctx, { claimId, userId: other!.userId })).toBe('not-live')
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: '500', times: 20 }] })
  expect(
    (await Promise.all([1, 2, 3].map(() => giveBack(world.ctx, { claimId, userId })))).sort(),
  ).toEqual(['given-back', 'not-live', 'not-live'])
  expect(await world.db.workshopAttendance.findFirstOrThrow()).toMatchObject({
    state: 'ended',
    reason: 'given-back',
    orKeyPlaintext: null,
  })
  await applyAll(world)
  expect((await world.ctx.provider.findKey(orKeyHash!))?.disabled).toBe(false)
  await world.clearFaults()
  await applyAll(world)
  expect((await world.ctx.provider.findKey(orKeyHash!))?.disabled).toBe(true)
  expect((await actions(world)).filter((action) => action === 'claim.given-back')).toHaveLength(1)

  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: other!, optIn: false })
  const waiting = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: other!.userId },
  })
  expect(await giveBack(world.ctx, { claimId: waiting.claimId, userId: other!.userId })).toBe(
    'given-back',
  )
  await runMint(
    world.ctx,
    (await world.db.mint.findFirstOrThrow({ where: { holderId: waiting.claimId } })).id,
  )
  expect(
    await world.db.workshopAttendance.findFirstOrThrow({ where: { userId: other!.userId } }),
  ).toMatchObject({ state: 'ended', orKeyHash: null })
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([orKeyHash])
})
