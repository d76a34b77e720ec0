import { afterAll, expect, test } from 'vitest'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { resolveAttendee } from './account.server'
import { testDb } from '../../../tests/test-database'

const world = await testDb()
afterAll(() => world.drop())
const { db } = world
const ctx = { db }

let serial = 1000
const nextId = () => String(serial++)

function github(given: Partial<ProviderIdentity> = {}): ProviderIdentity {
  const providerUserId = given.providerUserId ?? nextId()
  return {
    provider: 'github',
    providerUserId,
    login: `octo${providerUserId}`,
    email: `octo${providerUserId}@example.org`,
    name: `Octo ${providerUserId}`,
    avatarUrl: null,
    accountCreatedAt: new Date('2015-03-01T12:00:00Z'),
    emailIsAuthoritative: false,
    ...given,
  }
}

function google(given: Partial<ProviderIdentity> = {}): ProviderIdentity {
  const providerUserId = given.providerUserId ?? nextId()
  return {
    provider: 'google',
    providerUserId,
    login: null,
    email: `goo${providerUserId}@gmail.com`,
    name: `Goo ${providerUserId}`,
    avatarUrl: null,
    accountCreatedAt: null,
    emailIsAuthoritative: true,
    ...given,
  }
}

const attendee = (userId: string) =>
  db.attendee.findUniqueOrThrow({
    where: { userId },
    include: { identities: { orderBy: { provider: 'asc' } } },
  })
const actions = async (userId: string) =>
  (
    await db.auditEvent.findMany({ where: { subject: `user:${userId}` }, orderBy: { id: 'asc' } })
  ).map((event) => event.action)

test('the first sign-in makes an attendee named after the identity, and says so in the audit trail', async () => {
  const identity = github({ email: 'Ada.Lovelace@Example.org' })
  const made = await resolveAttendee(ctx, identity)
  expect(made).toEqual({
    userId: `github:${identity.providerUserId}`,
    linked: false,
    created: true,
  })
  const row = await attendee(made.userId)
  expect(row).toMatchObject({
    email: 'Ada.Lovelace@Example.org',
    emailNormalized: 'ada.lovelace@example.org',
    authProvider: 'github',
    displayName: identity.name,
  })
  expect(row.identities[0]?.accountCreatedAt).toEqual(new Date('2015-03-01T12:00:00Z'))
  expect(await actions(made.userId)).toEqual(['attendee.created'])
})

test('sixteen first sign-ins of one identity at once make one attendee', async () => {
  for (let round = 0; round < 5; round++) {
    const identity = github()
    const results = await Promise.all(
      Array.from({ length: 16 }, () => resolveAttendee(ctx, identity)),
    )
    expect(new Set(results.map((result) => result.userId))).toEqual(
      new Set([`github:${identity.providerUserId}`]),
    )
    expect(results.filter((result) => result.created)).toHaveLength(1)
    expect(await db.attendee.count({ where: { emailNormalized: identity.email } })).toBe(1)
    expect(await actions(`github:${identity.providerUserId}`)).toEqual(['attendee.created'])
  }
})

test('Google joins the GitHub account of the same Gmail mailbox, however it is spelt', async () => {
  const first = await resolveAttendee(ctx, github({ email: 'Grace.Hopper+gh@gmail.com' }))
  const second = await resolveAttendee(ctx, google({ email: 'gracehopper@googlemail.com' }))
  expect(second).toEqual({ userId: first.userId, linked: true, created: false })
  const row = await attendee(first.userId)
  expect(row.identities.map((identity) => identity.provider)).toEqual(['github', 'google'])
  // The email stays that of the identity which made the account.
  expect(row.email).toBe('Grace.Hopper+gh@gmail.com')
  expect(await actions(first.userId)).toEqual(['attendee.created', 'identity.linked'])
})

test('sixteen Google sign-ins at once join the GitHub account of that mailbox once', async () => {
  const mailbox = 'margaret@gmail.com'
  const host = await resolveAttendee(ctx, github({ email: mailbox }))
  const joining = google({ email: mailbox })
  const results = await Promise.all(Array.from({ length: 16 }, () => resolveAttendee(ctx, joining)))
  expect(new Set(results.map((result) => result.userId))).toEqual(new Set([host.userId]))
  expect(results.filter((result) => result.linked)).toHaveLength(1)
  expect(
    (await actions(host.userId)).filter((action) => action === 'identity.linked'),
  ).toHaveLength(1)
})

// GitHub does not run Gmail's mailboxes: when Google was first, the rule gives GitHub an account of
// its own.
// As if one had come first.
test('GitHub and Google racing for one new Gmail mailbox are linked once or not at all', async () => {
  for (let round = 0; round < 24; round++) {
    const email = `racer${round}@gmail.com`
    const [gh, goo] = [github({ email }), google({ email })]
    const results = await Promise.all([
      ...Array.from({ length: 4 }, () => resolveAttendee(ctx, gh)),
      ...Array.from({ length: 4 }, () => resolveAttendee(ctx, goo)),
    ])
    const identities = await db.identity.findMany({ where: { emailNormalized: email } })
    expect(identities).toHaveLength(2)
    const accounts = new Set(results.map((result) => result.userId))
    const links = results.filter((result) => result.linked).length
    if (accounts.size === 1) {
      expect([...accounts]).toEqual([`github:${gh.providerUserId}`])
      expect(links).toBe(1)
    } else {
      expect(accounts).toEqual(
        new Set([`github:${gh.providerUserId}`, `google:${goo.providerUserId}`]),
      )
      expect(links).toBe(0)
    }
    expect(results.filter((result) => result.created)).toHaveLength(accounts.size)
  }
})

test('GitHub joins the Google account of its mailbox only after signing in with Google', async () => {
  const email = 'katherine@gmail.com'
  const host = await resolveAttendee(ctx, google({ email }))
  const stranger = await resolveAttendee(ctx, github({ email }))
  expect(stranger).toMatchObject({ linked: false, created: true })

  const host2 = await resolveAttendee(ctx, google({ email: 'dorothy@gmail.com' }))
  const linked = await resolveAttendee(ctx, github({ email: 'dorothy@gmail.com' }), host2.userId)
  expect(linked).toEqual({ userId: host2.userId, linked: true, created: false })
  expect(host.userId).not.toBe(stranger.userId)
})

// Even with the same address.
test('a Google identity that does not run the mailbox makes an account of its own', async () => {
  const email = 'annie@example.org'
  const host = await resolveAttendee(ctx, github({ email }))
  const other = await resolveAttendee(ctx, google({ email, emailIsAuthoritative: false }))
  expect(other.userId).not.toBe(host.userId)
  expect(other).toMatchObject({ linked: false, created: true })
})

test('being signed in as somebody else links nothing', async () => {
  const bystander = await resolveAttendee(ctx, google())
  const email = 'mary@example.org'
  const host = await resolveAttendee(ctx, github({ email }))
  const other = await resolveAttendee(
    ctx,
    google({ email, emailIsAuthoritative: false }),
    bystander.userId,
  )
  expect(other).toMatchObject({ created: true, linked: false })
  const different = await resolveAttendee(ctx, google({ emailIsAuthoritative: true }), host.userId)
  expect(different).toMatchObject({ created: true, linked: false })
})

test('an identity without a verified email signs in, is linked to nobody, and stores no address', async () => {
  const first = await resolveAttendee(ctx, google({ email: null, emailIsAuthoritative: false }))
  const second = await resolveAttendee(ctx, github({ email: null }), first.userId)
  expect(second).toMatchObject({ created: true, linked: false })
  expect(await attendee(second.userId)).toMatchObject({ email: null, emailNormalized: null })
})

test('nobody ever has two identities of one provider', async () => {
  const email = 'radia@gmail.com'
  const host = await resolveAttendee(ctx, github({ email }))
  await resolveAttendee(ctx, google({ email }))
  const third = await resolveAttendee(ctx, google({ email }), host.userId)
  expect(third).toMatchObject({ created: true, linked: false })
  const fourth = await resolveAttendee(ctx, github({ email }), host.userId)
  expect(fourth).toMatchObject({ created: true, linked: false })
})

test('with two accounts of one mailbox to choose from, Google joins neither', async () => {
  const email = 'hedy@gmail.com'
  const one = await resolveAttendee(ctx, github({ email }))
  const two = await resolveAttendee(ctx, github({ email }))
  const joining = google({ email })
  expect(await resolveAttendee(ctx, joining)).toMatchObject({ created: true, linked: false })
  const chosen = await resolveAttendee(ctx, google({ email }), two.userId)
  expect(chosen).toEqual({ userId: two.userId, linked: true, created: false })
  expect(one.userId).not.toBe(two.userId)
})

// Whoever takes the old login gets another account.
test('a renamed login changes nothing but the login', async () => {
  const identity = github({ login: 'ada' })
  const before = await resolveAttendee(ctx, identity)
  const renamed = await resolveAttendee(ctx, { ...identity, login: 'countess' })
  expect(renamed).toEqual({ userId: before.userId, linked: false, created: false })
  expect((await attendee(before.userId)).identities[0]?.login).toBe('countess')
  const squatter = await resolveAttendee(ctx, github({ login: 'ada' }))
  expect(squatter.userId).not.toBe(before.userId)
})

test('a changed email moves no identity, not even onto another account that has this email', async () => {
  const taken = await resolveAttendee(ctx, github({ email: 'taken@gmail.com' }))
  const identity = google({ email: 'mine@gmail.com' })
  const mine = await resolveAttendee(ctx, identity)
  const after = await resolveAttendee(ctx, { ...identity, email: 'taken@gmail.com' }, taken.userId)
  expect(after).toEqual({ userId: mine.userId, linked: false, created: false })
  expect(await attendee(mine.userId)).toMatchObject({
    email: 'taken@gmail.com',
    emailNormalized: 'taken@gmail.com',
  })
  expect((await attendee(taken.userId)).identities).toHaveLength(1)
})

test('the email of an account follows the identity that made it and no other', async () => {
  const maker = github({ email: 'joan@gmail.com' })
  const joiner = google({ email: 'joan@gmail.com' })
  const { userId } = await resolveAttendee(ctx, maker)
  await resolveAttendee(ctx, joiner)
  await resolveAttendee(ctx, { ...joiner, email: 'clarke@gmail.com', name: 'Another Name' })
  expect(await attendee(userId)).toMatchObject({ email: 'joan@gmail.com', displayName: maker.name })
  await resolveAttendee(ctx, { ...maker, email: 'joan.clarke@example.org', name: 'Joan Clarke' })
  expect(await attendee(userId)).toMatchObject({
    email: 'joan.clarke@example.org',
    displayName: 'Joan Clarke',
  })
})

test('an email that is no longer verified is cleared, and a claim already made keeps its copy', async () => {
  const identity = github({ email: 'karen@example.org' })
  const { userId } = await resolveAttendee(ctx, identity)
  await db.$executeRaw`
    insert into keymint.workshop_attendance (user_id, workshop_slug, email_normalized, provider, limit_usd,
      expires_at, allowed_models)
    values (${userId}, 'some-workshop', 'karen@example.org', 'github', 2, now() + interval '1 day', '{}')`
  await resolveAttendee(ctx, { ...identity, email: null })
  expect(await attendee(userId)).toMatchObject({ email: null, emailNormalized: null })
  expect(await db.workshopAttendance.findFirst({ where: { userId } })).toMatchObject({
    emailNormalized: 'karen@example.org',
  })
})

test('an address that cannot be compared counts as none', async () => {
  const { userId } = await resolveAttendee(ctx, github({ email: 'not an address' }))
  expect(await attendee(userId)).toMatchObject({ email: null, emailNormalized: null })
})

test('without its audit event there is no attendee', async () => {
  const identity = github()
  await db.$executeRaw`
    alter table keymint.audit_events add constraint nothing_may_be_written check (action = 'never') not valid`
  await expect(resolveAttendee(ctx, identity)).rejects.toThrow()
  await db.$executeRaw`alter table keymint.audit_events drop constraint nothing_may_be_written`
  expect(
    await db.attendee.findUnique({ where: { userId: `github:${identity.providerUserId}` } }),
  ).toBeNull()
  expect(await resolveAttendee(ctx, identity)).toMatchObject({ created: true })
})

test('a hundred and fifty people sign in at once', async () => {
  const people = Array.from({ length: 150 }, (_, index) => (index % 2 === 0 ? github() : google()))
  const results = await Promise.all(people.map((identity) => resolveAttendee(ctx, identity)))
  expect(new Set(results.map((result) => result.userId)).size).toBe(150)
})
