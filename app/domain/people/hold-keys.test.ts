/** Bans and holds survive the rotation of ENCRYPTION_KEY. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createFingerprints } from '~/adapters/fingerprint.server'
import { openWorld, type World } from '../../../tests/world'
import { erasePerson } from './erase.server'
import { readHoldKeys } from './hold-keys.server'
import { findHold } from './holds.server'
import { banPerson } from './ban.server'

/** A banned person who was erased: only the fingerprint is left. */
async function bannedAndErased(world: World): Promise<string> {
  const [person, staff] = await world.people(2)
  const { userId } = person!
  await banPerson(world.ctx, { userId, reason: 'test', actorUserId: staff!.userId })
  expect((await erasePerson(world.ctx, { userId, because: 'asked' })).kind).toBe('erased')
  return userId
}

const holdOf = (world: World, userId: string) =>
  findHold(world.ctx, { workshopSlug: 'test-workshop', userId, emailNormalized: null })

test('a ban is recognised through three rotations, and ends only with its own key', async () => {
  await using world = await openWorld()
  const [first, second, third] = [world.encryptionKey, randomBytes(32), randomBytes(32)]
  const use = (own: Buffer[], encryption: Buffer[]) =>
    (world.ctx.fingerprints = createFingerprints({ own, encryption }))
  const { keyId } = use([], [first])
  const early = await bannedAndErased(world)
  expect((await readHoldKeys(world.ctx)).kept).toBeGreaterThan(0)

  // The new key first: what is recorded now has the old one's fingerprint still.
  use([], [second, first])
  expect(world.ctx.fingerprints.keyId).toBe(keyId)
  const late = await bannedAndErased(world)
  const before = await readHoldKeys(world.ctx)
  expect(Object.keys(before.needing)).toEqual([keyId])
  expect(before).toMatchObject({ kept: 0, unnoted: 0, lost: {} })

  // As the rotation says, and then the old one goes.
  use([first], [second, first])
  expect((await readHoldKeys(world.ctx)).needing).toEqual({})
  for (const encryption of [[second], [third, second], [third]]) {
    use([first], encryption)
    expect((await readHoldKeys(world.ctx)).needing).toEqual({})
    for (const userId of [early, late]) expect(await holdOf(world, userId)).toBe('banned')
  }
  // A leaked one: new fingerprints are of the new key, old ones still count.
  use([third, first], [second])
  expect(await holdOf(world, await bannedAndErased(world))).toBe('banned')
  expect(await holdOf(world, early)).toBe('banned')

  use([third], [second])
  expect(await holdOf(world, early)).toBeNull()
  expect(Object.keys((await readHoldKeys(world.ctx)).lost)).toEqual([keyId])
})

test('what was recorded before keys were noted counts as of every older key', async () => {
  await using world = await openWorld()
  await bannedAndErased(world)
  await world.db.claimHold.updateMany({ data: { keyId: null } })
  const other = randomBytes(32)
  const of = async (own: Buffer[], encryption: Buffer[]) => {
    world.ctx.fingerprints = createFingerprints({ own, encryption })
    return readHoldKeys(world.ctx)
  }
  expect((await of([], [world.encryptionKey])).unnoted).toBe(0)
  expect((await of([], [other, world.encryptionKey])).unnoted).toBeGreaterThan(0)
  expect((await of([world.encryptionKey], [other, world.encryptionKey])).unnoted).toBe(0)
})

test('a grant of an address needs its key as a hold does, until it is taken back', async () => {
  await using world = await openWorld()
  const grant = await world.db.accessGrant.create({
    data: {
      workshopSlug: 'w',
      kind: 'address',
      mark: 'f'.repeat(64),
      keyId: 'deadbeef',
      grantedBy: 'github:staff',
    },
  })
  expect((await readHoldKeys(world.ctx)).lost).toEqual({ deadbeef: 1 })
  await world.db.accessGrant.update({
    where: { id: grant.id },
    data: { revokedAt: new Date(), revokedBy: 'github:staff' },
  })
  expect((await readHoldKeys(world.ctx)).lost).toEqual({})
})
