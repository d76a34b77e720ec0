/**
 * A giveaway against a real Postgres and the stand-in: seats, switches, and what goes wrong there.
 */
import { expect, test } from 'vitest'
import { resolveAttendee } from '~/domain/people/account.server'
import { claimForGithubId } from '~/domain/claim/claim-for.server'
import { claimKey } from '~/domain/claim/claim.server'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { runMint } from '~/domain/keys/mint.server'
import { sweep } from '~/domain/operations/sweep.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { rounds } from '../../../tests/rounds'
import { runToEnd, startAction } from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World, type WorldOptions } from '../../../tests/world'
import type { Workshop } from '../workshop-file'

const slug = 'small-keys'
const dayMs = 86_400_000

export const makeGiveaway = (change: Partial<Workshop> = {}) =>
  makeWorkshop({
    slug,
    kind: 'giveaway',
    claimsOpenAt: null,
    claimsCloseAt: null,
    poolLimit: null,
    maxKeys: 100,
    keyLimit: usd(0.05),
    keyLimitReset: 'daily',
    keyExpiresAt: null,
    keyExpiresInMs: 14 * dayMs,
    providers: ['github'],
    acknowledgedTerms: true,
    cooldownMs: 7 * dayMs,
    ...change,
  })
const openGiveaway = (change: Partial<Workshop> = {}, options: WorldOptions = {}) =>
  openWorld({ workshops: [makeGiveaway(change)], maxTotalKeys: 1_000, ...options })
const nobodysEmail = { emailNormalized: null }

type Person = Awaited<ReturnType<World['people']>>[number]
const claim = (world: World, person: Person) =>
  claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
const seats = async (world: World) => ({
  pool: (await world.db.pool.findFirst())?.seats ?? 0,
  total: (await world.db.totalSeats.findFirstOrThrow()).seats,
})
const mintPending = async (world: World) => {
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}
const onlyPerson = async (world: World) => (await world.people(1, nobodysEmail))[0]!

/** The key is closed two minutes after its end, and then read until it is settled. */
async function settle(world: World) {
  await letSettle(world)
  await letSettle(world)
  expect(await world.db.key.count({ where: { closedAt: { not: null }, settledAt: null } })).toBe(0)
}

test('two people at the last seat of all giveaways: exactly one gets it, in every race', async () => {
  for (let round = 0; round < rounds(40); round++) {
    await using world = await openGiveaway({}, { maxTotalKeys: 5 })
    const people = await world.people(10, nobodysEmail)
    for (const person of people.slice(0, 4))
      expect((await claim(world, person)).kind).toBe('queued')
    const outcomes = await Promise.all(people.slice(4).map((person) => claim(world, person)))
    expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(1)
    expect(
      outcomes.filter((outcome) => outcome.kind === 'refused' && outcome.reason === 'full'),
    ).toHaveLength(5)
    expect(await seats(world)).toEqual({ pool: 5, total: 5 })
  }
})

test('limits that are missing, zero or malformed give nobody a key', async () => {
  for (const [cause, change] of [
    ['giveaways-off', { maxTotalKeys: 0 }],
    ['provisioning-off', { provisioningEnabled: false }],
  ] as const) {
    await using world = await openGiveaway({}, change)
    expect(await claim(world, await onlyPerson(world))).toEqual({
      kind: 'refused',
      reason: 'switched-off',
    })
    expect(await seats(world)).toEqual({ pool: 0, total: 0 })
    const view = await findWorkshopView(world.ctx, slug)
    expect(view).toMatchObject({ paused: { cause, reason: null } })
  }
  await using world = await openGiveaway({ acknowledgedTerms: false })
  expect(await claim(world, await onlyPerson(world))).toEqual({
    kind: 'refused',
    reason: 'switched-off',
  })
})

test('an answer that is lost after the key was made frees no seat and leaves no key', async () => {
  await using world = await openGiveaway()
  const person = await onlyPerson(world)
  await claim(world, person)
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'reset-after', times: 1 }] })
  await mintPending(world)
  expect(await seats(world)).toEqual({ pool: 1, total: 1 })
  await readAll(world)
  const row = await world.db.workshopAttendance.findFirstOrThrow()
  expect(row.state).toBe('ready')
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([row.orKeyHash])
})

test('a row that is removed while its mint is in flight leaves no key, and tells nobody that it worked', async () => {
  await using world = await openGiveaway()
  const person = await onlyPerson(world)
  await claim(world, person)
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 600 }] })
  const minting = mintPending(world)
  await expect.poll(() => world.db.mintAttempt.count({ where: { state: 'sent' } })).toBe(1)
  await world.db.$executeRaw`delete from keymint.workshop_attendance`
  await minting
  await readAll(world)
  expect(await world.liveKeys()).toEqual([])
  expect(await findClaimView(world.ctx, { workshopSlug: slug, userId: person.userId })).toBeNull()
})

test('a key that has expired is never shown as live, also before any sweep has seen it', async () => {
  await using world = await openGiveaway()
  const person = await onlyPerson(world)
  await claim(world, person)
  await mintPending(world)
  await travel(world, 14 * dayMs + 1_000)
  const view = await findClaimView(world.ctx, { workshopSlug: slug, userId: person.userId })
  expect(view).toMatchObject({
    state: 'ended',
    end: { reason: 'expired' },
    claimAgain: { now: false },
  })
})

test('the seat of an expired key returns after its cool-down, once', async () => {
  await using world = await openGiveaway({ maxKeys: 1 })
  const [first, second] = await world.people(2, nobodysEmail)
  await claim(world, first!)
  await mintPending(world)
  expect(await claim(world, second!)).toEqual({ kind: 'refused', reason: 'full' })
  await travel(world, 14 * dayMs + 1_000)
  await sweep(world.ctx)
  await settle(world)
  await sweep(world.ctx)
  expect(await seats(world), 'the cool-down runs').toEqual({ pool: 1, total: 1 })
  await travel(world, 7 * dayMs)
  await Promise.all([sweep(world.ctx), sweep(world.ctx)])
  expect(await seats(world)).toEqual({ pool: 0, total: 0 })
  expect((await claim(world, second!)).kind).toBe('queued')
  expect(await world.db.auditEvent.count({ where: { action: 'claim.seat-freed' } })).toBe(1)
})

// Whether or not the seat is free again.
test('after the cool-down the next click makes the next key of the same row', async () => {
  for (const seatReturned of [true, false]) {
    await using world = await openGiveaway({ maxKeys: 1 })
    const person = await onlyPerson(world)
    await claim(world, person)
    await mintPending(world)
    await travel(world, 14 * dayMs + 1_000)
    await sweep(world.ctx)
    expect((await claim(world, person)).kind).toBe('already-claimed')
    await travel(world, 7 * dayMs)
    if (seatReturned) {
      await settle(world)
      await sweep(world.ctx)
      expect(await seats(world)).toEqual({ pool: 0, total: 0 })
    }
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => claim(world, person)))
    expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(1)
    expect(await seats(world)).toEqual({ pool: 1, total: 1 })
    expect(await world.db.workshopAttendance.findFirstOrThrow()).toMatchObject({
      state: 'pending',
      generation: 2,
      seatFreedAt: null,
    })
    const former = await world.db.key.findFirstOrThrow({ where: { generation: 1 } })
    expect(former.offEndedAt).not.toBeNull()
    expect(former.sealed).toBeNull()
  }
})

// Also before any sweep.
test('after the end and the cool-down its owner claims again, at once and only once', async () => {
  await using world = await openGiveaway()
  const person = await onlyPerson(world)
  await claim(world, person)
  await mintPending(world)
  const [first] = await world.liveKeys()
  await travel(world, 14 * dayMs + 1_000)
  expect((await claim(world, person)).kind, 'the cool-down runs').toBe('already-claimed')
  await travel(world, 7 * dayMs)
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => claim(world, person)))
  expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome.kind === 'already-claimed')).toHaveLength(7)
  await work(world)
  const row = await world.db.workshopAttendance.findFirstOrThrow()
  expect(row).toMatchObject({ state: 'ready', generation: 2 })
  expect(row.orKeyHash).not.toBe(first?.hash)
  const former = await world.db.key.findFirstOrThrow({ where: { hash: first!.hash } })
  expect(former.closedAt).not.toBeNull()
  expect(await seats(world)).toEqual({ pool: 1, total: 1 })
  expect(await world.db.auditEvent.count({ where: { action: 'claim.expired' } })).toBe(1)
})

test('a seat that returned and was given to somebody else is not there for the first owner', async () => {
  await using world = await openGiveaway({}, { maxTotalKeys: 1 })
  const [first, second] = await world.people(2, nobodysEmail)
  await claim(world, first!)
  await mintPending(world)
  await travel(world, 21 * dayMs + 1_000)
  await sweep(world.ctx)
  await settle(world)
  await sweep(world.ctx)
  expect((await claim(world, second!)).kind).toBe('queued')
  expect(await claim(world, first!)).toEqual({ kind: 'refused', reason: 'full' })
  expect(await seats(world)).toEqual({ pool: 1, total: 1 })
  expect(
    (await world.db.workshopAttendance.findFirstOrThrow({ where: { userId: first!.userId } }))
      .state,
    'nothing of the refused claim stays',
  ).toBe('ended')
})

test('a person whose key was taken back, or who is banned, gets no other one by clicking', async () => {
  await using world = await openGiveaway()
  const person = await onlyPerson(world)
  await claim(world, person)
  await mintPending(world)
  const { claimId } = await world.db.workshopAttendance.findFirstOrThrow()
  const taken = { kind: 'revoke', mayClaimAgain: false } as const
  await runToEnd(world, await startAction(world, taken, { claimIds: [claimId] }, slug))
  await travel(world, 100 * dayMs)
  for (let click = 0; click < 5; click++)
    expect((await claim(world, person)).kind).toBe('already-claimed')
  expect(
    await findClaimView(world.ctx, { workshopSlug: slug, userId: person.userId }),
  ).toMatchObject({ state: 'ended', claimAgain: null })

  const [other] = await world.people(1, nobodysEmail)
  await claim(world, other!)
  await mintPending(world)
  await travel(world, 100 * dayMs)
  expect(await claim(world, { ...other!, banned: { reason: 'several accounts' } })).toEqual({
    kind: 'refused',
    reason: 'banned',
  })
  expect(await world.db.mint.count({ where: { state: 'pending' } })).toBe(0)
})

// Whoever takes the old login finds no key.
test('the numeric id is the identity: a renamed login keeps its key', async () => {
  await using world = await openGiveaway()
  const identity = (providerUserId: string, login: string) => ({
    provider: 'github' as const,
    providerUserId,
    login,
    name: login,
    email: null,
    emailIsAuthoritative: false,
    avatarUrl: null,
    accountCreatedAt: new Date(0),
  })
  const before = await resolveAttendee(world.ctx, identity('583231', 'octocat'))
  await claim(world, {
    userId: before.userId,
    displayName: 'octocat',
    emailNormalized: null,
    provider: 'github',
    banned: null,
    githubAccountCreatedAt: new Date(0),
  })
  const renamed = await resolveAttendee(world.ctx, identity('583231', 'monalisa'))
  const usurper = await resolveAttendee(world.ctx, identity('999999', 'octocat'))
  expect(renamed.userId).toBe(before.userId)
  expect(usurper.userId).not.toBe(before.userId)
  expect(
    await findClaimView(world.ctx, { workshopSlug: slug, userId: renamed.userId }),
  ).not.toBeNull()
  expect(await findClaimView(world.ctx, { workshopSlug: slug, userId: usurper.userId })).toBeNull()
})

test('staff make a key for a numeric GitHub id, and whoever has that id finds it at the first sign-in', async () => {
  await using world = await openGiveaway({ minAccountAgeMs: 365 * dayMs })
  const made = await claimForGithubId(world.ctx, {
    workshopSlug: slug,
    githubId: '42424242',
    actorUserId: 'github:1',
  })
  expect(made.kind).toBe('queued')
  expect(
    (
      await claimForGithubId(world.ctx, {
        workshopSlug: slug,
        githubId: '42424242',
        actorUserId: 'github:1',
      })
    ).kind,
  ).toBe('already-claimed')
  const signedIn = await resolveAttendee(world.ctx, {
    provider: 'github',
    providerUserId: '42424242',
    login: 'late',
    name: 'Late Comer',
    email: null,
    emailIsAuthoritative: false,
    avatarUrl: null,
    accountCreatedAt: new Date(),
  })
  expect(signedIn.userId).toBe('github:42424242')
  expect(
    await findClaimView(world.ctx, { workshopSlug: slug, userId: signedIn.userId }),
  ).toMatchObject({ state: 'pending' })
  expect(
    await world.db.auditEvent.findFirstOrThrow({ where: { action: 'claim.made' } }),
  ).toMatchObject({ actor: 'user:github:1' })

  for (const githubId of ['', '0', 'octocat', '12e3', '-1', '99999999999999999']) {
    expect(
      await claimForGithubId(world.ctx, { workshopSlug: slug, githubId, actorUserId: 'github:1' }),
    ).toEqual({ kind: 'refused', reason: 'not-a-github-id' })
  }
  await world.db.attendee.update({
    where: { userId: signedIn.userId },
    data: { bannedAt: new Date(), banReason: 'several accounts' },
  })
  expect(
    await claimForGithubId(world.ctx, {
      workshopSlug: slug,
      githubId: '42424242',
      actorUserId: 'github:1',
    }),
  ).toEqual({ kind: 'refused', reason: 'banned' })
})
