/** A key that nobody looked at gives its seat to the line; one that was looked at never does. */
import { expect, test } from 'vitest'
import { readyClaims, spend } from '../../../tests/claims'
import { letSettle, readAll } from '../../../tests/engine'
import { seedClaims } from '../../../tests/seed-claims'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { claimKey } from './claim.server'
import { findReleaseAt, keepKey, releaseUnused } from './release-unused.server'
import { revealKey } from './reveal.server'
import { serveWaitlists } from './serve-waitlist.server'
import { testKey } from './test-key.server'
import { mailWaitlist } from './waitlist-mail.server'
import { readOwnPlace } from './waitlist.server'

const workshopSlug = 'test-workshop'
const minute = 60_000
const openWith = (seats: number) =>
  openWorld({
    clock: new Date(),
    workshops: [
      makeWorkshop({
        waitlist: true,
        maxKeys: seats,
        releaseUnusedAfterMs: 30 * minute,
        claimsCloseAt: new Date(Date.now() + 20 * 3_600_000),
      }),
    ],
  })
const owner = ({ userId }: { userId: string }) => ({ workshopSlug, userId })
const stateOf = async (world: World, { userId }: { userId: string }) =>
  (await world.db.workshopAttendance.findFirstOrThrow({ where: { userId } })).state

test('the seat of an unused key goes to the line after a notice; look, test, use and press keep one', async () => {
  await using world = await openWith(5)
  const claims = await readyClaims(world, 5)
  const [unused, shown, tested, used, kept] = claims.map(({ person }) => person)
  const [next] = await world.people(1)
  expect(await claimKey(world.ctx, { ...owner(next!), person: next!, optIn: false })).toEqual({
    kind: 'waiting',
  })
  expect(await releaseUnused(world.ctx)).toBe(0)
  expect(await findReleaseAt(world.ctx, owner(unused!))).toBeNull()

  // Twenty minutes on it is said, ten minutes before.
  await world.travel(20 * minute + 1_000)
  await releaseUnused(world.ctx)
  const at = await findReleaseAt(world.ctx, owner(unused!))
  expect(Date.parse(at ?? '') - world.ctx.now().getTime()).toBeGreaterThanOrEqual(10 * minute)
  const mails: string[] = []
  world.ctx.mailer = { send: ({ to }) => (mails.push(to), Promise.resolve(true)) }
  expect(await mailWaitlist(world.ctx)).toBe(5)
  expect(await mailWaitlist(world.ctx)).toBe(0)
  expect(mails).toContain(unused!.emailNormalized)

  expect((await revealKey(world.ctx, owner(shown!))).kind).toBe('revealed')
  expect((await testKey(world.ctx, owner(tested!)))?.result).toBe('works')
  await spend(world, claims[3]!.hash, 0.01)
  expect(await keepKey(world.ctx, owner(kept!))).toBe(true)
  expect(await findReleaseAt(world.ctx, owner(kept!))).toBeNull()

  // The time has come, and no reading after it says that nothing was used.
  await world.travel(11 * minute)
  expect(await releaseUnused(world.ctx)).toBe(0)
  await world.travel(1_000)
  await readAll(world)
  expect((await Promise.all([releaseUnused(world.ctx), releaseUnused(world.ctx)])).sort()).toEqual([
    0, 1,
  ])
  expect(await stateOf(world, unused!)).toBe('ended')
  for (const person of [shown!, tested!, used!, kept!])
    expect(await stateOf(world, person)).toBe('ready')
  expect((await revealKey(world.ctx, owner(unused!))).kind).toBe('no-key')

  // Through the engine's normal path: off at the provider, settled, and then the seat is free.
  expect(await serveWaitlists(world.ctx)).toBe(0)
  await letSettle(world)
  expect(await serveWaitlists(world.ctx)).toBe(1)
  expect(await readOwnPlace(world.ctx, owner(next!))).toEqual({ state: 'let-in' })
  // The one who lost the seat may stand in line again.
  expect(await claimKey(world.ctx, { ...owner(unused!), person: unused!, optIn: false })).toEqual({
    kind: 'waiting',
  })
})

test('a look at the key in the moment of its release: one of the two wins, never both', async () => {
  await using world = await openWith(8)
  const claims = await readyClaims(world, 8)
  await world.travel(20 * minute + 1_000)
  await releaseUnused(world.ctx)
  await world.travel(11 * minute)
  await readAll(world)
  const [released, ...looks] = await Promise.all([
    releaseUnused(world.ctx),
    ...claims.map(({ person }) => revealKey(world.ctx, owner(person))),
  ])
  const shown = looks.filter(({ kind }) => kind === 'revealed').length
  expect(released + shown).toBe(8)
  for (const [index, { kind }] of looks.entries())
    expect(await stateOf(world, claims[index]!.person)).toBe(
      kind === 'revealed' ? 'ready' : 'ended',
    )
})

// Those that were told, or were kept, must not take the places of the rest.
test('more keys than one sweep tells are told by the next one', async () => {
  await using world = await openWith(600)
  await seedClaims(world, workshopSlug, 510)
  await releaseUnused(world.ctx)
  expect(await world.db.releaseNotice.count()).toBe(500)
  await releaseUnused(world.ctx)
  expect(await world.db.releaseNotice.count()).toBe(510)
})
