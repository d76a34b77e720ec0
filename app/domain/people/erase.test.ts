/**
 * Erasure leaves nothing that says who somebody was, refuses while something lives, and opens no
 * second claim.
 */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createFingerprints } from '~/adapters/fingerprint.server'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { applyAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { resolveAttendee } from './account.server'
import { erasePerson, findErasureBlocks } from './erase.server'
import { exportPerson } from './export.server'
import { forgetHolds } from './holds.server'
import { unlinkSignIn } from './person.server'
import { findSession, startSession } from './session.server'
import { applyRetention } from '../operations/retention.server'

const slug = 'test-workshop'
let serial = 100

function identity(change: Partial<ProviderIdentity> = {}): ProviderIdentity {
  const id = String(serial++)
  return {
    provider: 'github',
    providerUserId: id,
    login: `login-${id}`,
    name: `Grace Hopper ${id}`,
    avatarUrl: `https://avatars.githubusercontent.com/u/${id}`,
    email: `grace${id}@example.org`,
    emailIsAuthoritative: false,
    accountCreatedAt: new Date('2015-01-01T00:00:00Z'),
    ...change,
  }
}

async function arrives(world: World, who: ProviderIdentity) {
  const { userId } = await resolveAttendee(world.ctx, who)
  const token = await startSession(world.ctx, {
    userId,
    provider: who.provider,
    userAgent: 'Mozilla/5.0 Private',
  })
  return { userId, token, who }
}

async function claims(
  world: World,
  person: { userId: string; who: ProviderIdentity },
  workshopSlug = slug,
) {
  const viewer = {
    userId: person.userId,
    displayName: person.who.name,
    emailNormalized: person.who.email,
    provider: person.who.provider,
    banned: null,
    githubAccountCreatedAt: new Date(0),
  }
  return claimKey(world.ctx, { workshopSlug, person: viewer, optIn: true })
}

async function mintAll(world: World) {
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}

/** The provider confirms that it is off. */
async function close(world: World) {
  await applyAll(world)
  expect(await world.db.key.count({ where: { offEndedAt: { not: null }, closedAt: null } })).toBe(0)
}

async function withKeyGivenBack(world: World, who = identity()) {
  const person = await arrives(world, who)
  expect((await claims(world, person)).kind).toBe('queued')
  await mintAll(world)
  const { claimId } = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: person.userId },
  })
  expect(await giveBack(world.ctx, { claimId, userId: person.userId })).toBe('given-back')
  await close(world)
  return { ...person, claimId }
}

const open = { marketingOptIn: 'Tell me', claimsCloseAt: new Date(Date.now() + 86_400_000) }

test('what is live stands in the way, in its own words, until it is given back and off upstream', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  const person = await arrives(world, identity())
  const kinds = async () =>
    (await findErasureBlocks(world.ctx, world.db, person.userId)).map((block) => block.kind)
  const erase = () => erasePerson(world.ctx, { userId: person.userId, because: 'asked' })
  expect(await kinds()).toEqual([])
  await claims(world, person)
  expect([await kinds(), (await erase()).kind]).toEqual([['being-made'], 'blocked'])
  await mintAll(world)
  expect([await kinds(), (await erase()).kind]).toEqual([['live'], 'blocked'])
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  await giveBack(world.ctx, { claimId: claim.claimId, userId: person.userId })
  expect([await kinds(), (await erase()).kind]).toEqual([['not-settled'], 'blocked'])
  await close(world)
  expect([await kinds(), (await erase()).kind]).toEqual([[], 'erased'])
  expect((await erase()).kind).toBe('no-such-person')
})

test('nothing is left of a person in any table but the trail, and the trail holds ids alone', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  const who = identity({ email: 'Ottilie.Hopper@example.org', name: 'Ottilie Hopper' })
  const google = identity({
    provider: 'google',
    email: who.email,
    emailIsAuthoritative: true,
    name: 'Ottilie H.',
  })
  const person = await arrives(world, who)
  expect((await resolveAttendee(world.ctx, google, person.userId)).userId).toBe(person.userId)
  await claims(world, person)
  await mintAll(world)
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  await giveBack(world.ctx, { claimId: claim.claimId, userId: person.userId })
  await close(world)
  const used = await world.db.workshopAttendance.findFirstOrThrow()
  expect((await erasePerson(world.ctx, { userId: person.userId, because: 'asked' })).kind).toBe(
    'erased',
  )

  const tables = await world.db.$queryRaw<
    { name: string }[]
  >`select tablename as name from pg_tables where schemaname = 'keymint'`
  for (const { name } of tables) {
    const rows = await world.db.$queryRawUnsafe<{ text: string }[]>(
      `select to_jsonb(t)::text as text from keymint.${name} t`,
    )
    const text = rows
      .map((row) => row.text)
      .join('\n')
      .toLowerCase()
    for (const trace of ['ottilie', 'hopper', who.login!, google.login!, 'mozilla', 'avatars.'])
      expect(text, `${name} holds ${trace}`).not.toContain(trace.toLowerCase())
    if (name !== 'audit_events')
      for (const id of [who.providerUserId, google.providerUserId])
        expect(text, `${name} holds the id ${id}`).not.toMatch(
          new RegExp(`(github|google):${id}\\b|"${id}"`),
        )
  }
  expect(await findSession(world.ctx, person.token)).toBeNull()
  // What the workshop's sums are made of is still there, under nobody's name.
  const kept = await world.db.workshopAttendance.findFirstOrThrow({ include: { attendee: true } })
  expect(kept).toMatchObject({
    claimId: used.claimId,
    usageUsd: used.usageUsd,
    committedUsd: used.committedUsd,
    state: 'ended',
    emailNormalized: null,
  })
  expect(kept.userId).toMatch(/^erased:[0-9a-f-]{36}$/)
  const event = await world.db.auditEvent.findFirstOrThrow({ where: { action: 'person.erased' } })
  expect(event).toMatchObject({
    actor: `user:${person.userId}`,
    subject: `user:${person.userId}`,
    details: { because: 'asked', claims: 1, identities: 2, sessions: 1 },
  })
})

test('who comes back after erasure is new, and still has had a key wherever claims are open', async () => {
  const other = makeWorkshop({ ...open, slug: 'other' })
  await using world = await openWorld({ workshops: [makeWorkshop(open), other] })
  const who = identity()
  const { userId } = await withKeyGivenBack(world, who)
  await erasePerson(world.ctx, { userId, because: 'asked' })

  const same = await arrives(world, who)
  expect(await claims(world, same)).toEqual({ kind: 'refused', reason: 'had-one-before' })
  expect((await claims(world, same, 'other')).kind).toBe('queued')
  const sameIdentity = await arrives(world, { ...who, email: 'moved@example.org' })
  await world.db
    .$executeRaw`delete from keymint.workshop_attendance where user_id = ${sameIdentity.userId}`
  expect(await claims(world, sameIdentity)).toEqual({ kind: 'refused', reason: 'had-one-before' })
  const sameAddress = await arrives(world, identity({ email: who.email }))
  expect(await claims(world, sameAddress)).toEqual({ kind: 'refused', reason: 'had-one-before' })
  const stranger = await arrives(world, identity())
  expect((await claims(world, stranger)).kind).toBe('queued')
})

// It is deleted a week after the workshop has closed.
test('nobody can read what is held, and it survives a new encryption key', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  const who = identity()
  const { userId } = await withKeyGivenBack(world, who)
  await erasePerson(world.ctx, { userId, because: 'asked' })
  const holds = await world.db.claimHold.findMany()
  expect(
    holds.map((hold) => [hold.workshopSlug, hold.reason, /^[0-9a-f]{64}$/.test(hold.fingerprint)]),
  ).toEqual([
    [slug, 'erased', true],
    [slug, 'erased', true],
  ])

  world.ctx.fingerprints = createFingerprints({
    own: [],
    encryption: [randomBytes(32), world.encryptionKey],
  })
  const back = await arrives(world, who)
  expect(await claims(world, back)).toEqual({ kind: 'refused', reason: 'had-one-before' })
  await world.db.$executeRaw`update keymint.claim_holds set created_at = now() - interval '30 days'`
  expect(await forgetHolds(world.ctx)).toBe(0)
  world.moveClock(9 * 86_400_000)
  expect(await forgetHolds(world.ctx)).toBe(2)
})

test('a ban is not escaped by being erased', async () => {
  const other = makeWorkshop({ ...open, slug: 'other' })
  await using world = await openWorld({ workshops: [makeWorkshop(open), other] })
  const who = identity()
  const person = await arrives(world, who)
  await world.db.attendee.update({
    where: { userId: person.userId },
    data: { bannedAt: new Date(), banReason: 'sold the key' },
  })
  expect((await erasePerson(world.ctx, { userId: person.userId, because: 'asked' })).kind).toBe(
    'erased',
  )
  const back = await arrives(world, who)
  expect(await claims(world, back, 'other')).toEqual({ kind: 'refused', reason: 'banned' })
  world.moveClock(400 * 86_400_000)
  await forgetHolds(world.ctx)
  expect(await world.db.claimHold.count({ where: { reason: 'banned' } })).toBe(2)
})

test('erasing while claiming, many times at once: one of the two wins, and no claim belongs to nobody', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  for (let round = 0; round < 8; round++) {
    const person = await arrives(world, identity())
    const [erased] = await Promise.all([
      erasePerson(world.ctx, { userId: person.userId, because: 'asked' }),
      claims(world, person).catch(() => null),
      resolveAttendee(world.ctx, person.who).catch(() => null),
    ])
    const live = await world.db.workshopAttendance.findMany({
      where: { state: 'pending' },
      include: { attendee: true },
    })
    expect(live.filter((claim) => claim.attendee.erasedAt !== null)).toEqual([])
    if (erased.kind === 'erased')
      expect(
        live.filter((claim) => claim.userId === person.userId && claim.emailNormalized === null),
      ).toEqual([])
  }
})

// By the same code, and nobody without the setting.
test('retention erases people who were away for long and have nothing live', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  const gone = await withKeyGivenBack(world)
  const [idle, recent, holding] = [
    await arrives(world, identity()),
    await arrives(world, identity()),
    await arrives(world, identity()),
  ]
  await claims(world, holding)
  await mintAll(world)
  await world.db.$executeRaw`
      update keymint.attendees set last_seen_at = now() - interval '40 days' where user_id <> ${recent.userId}`
  expect((await applyRetention(world.ctx)).erased).toBe(0)
  world.ctx.settings = { ...world.ctx.settings, retentionDays: 30 }
  expect((await applyRetention(world.ctx)).erased).toBe(2)
  const left = (await world.db.attendee.findMany({ where: { erasedAt: null } }))
    .map((row) => row.userId)
    .sort()
  expect(left).toEqual([recent.userId, holding.userId].sort())
  const events = await world.db.auditEvent.findMany({
    where: { action: 'person.erased' },
    orderBy: { subject: 'asc' },
  })
  expect(events.map((event) => [event.actor, event.subject])).toEqual(
    [gone.userId, idle.userId].sort().map((userId) => ['worker', `user:${userId}`]),
  )
  expect((await applyRetention(world.ctx)).erased).toBe(0)
})

test('a sign-in that was taken off claims no second key where its account had one', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  const who = identity()
  const google = identity({ provider: 'google', email: who.email, emailIsAuthoritative: true })
  const { userId } = await withKeyGivenBack(world, who)
  await resolveAttendee(world.ctx, google, userId)
  expect(
    await unlinkSignIn(world.ctx, { userId, provider: 'google', signedInWith: 'github' }),
  ).toBe('unlinked')
  // At the provider the address has changed since, so that nothing but the identity itself is the
  // same.
  const parted = await arrives(world, { ...google, email: 'another@example.org' })
  expect(parted.userId).toBe(`google:${google.providerUserId}`)
  expect(await claims(world, parted)).toEqual({ kind: 'refused', reason: 'had-one-before' })
})

test('the download holds everything of a person and no secret', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop(open)] })
  const person = await arrives(world, identity())
  const other = await arrives(world, identity())
  await claims(world, person)
  await claims(world, other)
  await mintAll(world)
  await world.db.$executeRaw`
      insert into keymint.audit_events (actor, action, subject)
        select ${`user:${person.userId}`}, 'session.started', 'user:x' from generate_series(1, 2100)`
  let text = ''
  for await (const piece of await exportPerson(world.ctx, person.userId)) text += piece
  const file = JSON.parse(text) as Record<string, unknown[]> & { person: object }
  expect(Object.keys(file)).toEqual([
    'about',
    'person',
    'identities',
    'sessions',
    'claims',
    'limitRequests',
    'mints',
    'keys',
    'setupCodes',
    'teams',
    ...['subKeys', 'accessRequests', 'accessGrants', 'waitlist', 'ledger', 'auditEvents'],
  ])
  expect(file.person).toMatchObject({
    userId: person.userId,
    email: person.who.email,
    marketingOptedIn: true,
    marketingOptedInWorkshop: slug,
  })
  expect(
    [file.identities, file.sessions, file.claims, file.mints].map((list) => list!.length),
  ).toEqual([1, 1, 1, 1])
  expect(file.auditEvents!.length).toBeGreaterThan(2_104)
  expect(new Set(file.auditEvents!.map((event) => (event as { id: string }).id)).size).toBe(
    file.auditEvents!.length,
  )
  expect(text).not.toContain(other.userId)
  const rows = await world.db.workshopAttendance.findMany()
  const sessions = await world.db.session.findMany()
  for (const secret of [
    ...rows.map((row) => row.orKeyPlaintext),
    ...sessions.map((row) => row.tokenHash),
    person.token,
  ])
    expect(text).not.toContain(secret)
})
