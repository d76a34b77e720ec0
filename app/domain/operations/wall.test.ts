/** The wall: the same numbers as the pages of staff, no names, and money only for whom it is meant. */
import { expect, test } from 'vitest'
import { readyClaims, spend } from '../../../tests/claims'
import { readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'
import { wallFor } from './wall'
import { readWall } from './wall.server'

const slug = 'test-workshop'
const everybody = { staff: false, showsShare: false }

test('keys, wait and spending are those of the rows, and nobody is named', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ poolLimit: usd(20), maxKeys: 5 })],
  })
  expect(await readWall(world.ctx, slug)).toMatchObject({
    window: 'open',
    claimed: 0,
    left: 5,
    medianWaitSeconds: null,
    announcement: null,
    spending: { percent: 0, lastsUntil: null },
  })
  const claims = await readyClaims(world, 2)
  await spend(world, claims[0]!.hash, 1.5)
  await readAll(world)
  const wall = await readWall(world.ctx, slug)
  expect(wall).toMatchObject({
    claimed: 2,
    left: 3,
    spending: { percent: 7, spent: { text: '$1.50' }, pool: { text: '$20.00' } },
  })
  expect(wall?.medianWaitSeconds).toBeGreaterThan(0)
  for (const { person } of claims) {
    expect(JSON.stringify(wall)).not.toContain(person.displayName)
    expect(JSON.stringify(wall)).not.toContain(person.userId)
  }
  await world.travel(2 * 3_600_000)
  expect(await readWall(world.ctx, slug)).toMatchObject({
    window: 'closed',
    medianWaitSeconds: null,
    spending: { percent: 7 },
  })
})

test('amounts are for staff, the share for everybody where the file says so, else nothing', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(20) })] })
  const wall = (await readWall(world.ctx, slug))!
  expect(wallFor(wall, everybody).spending).toBeNull()
  expect(wallFor(wall, { ...everybody, showsShare: true }).spending).toEqual({
    percent: 0,
    lastsUntil: null,
    spent: null,
    pool: null,
  })
  expect(wallFor(wall, { ...everybody, staff: true }).spending).toMatchObject({
    pool: { text: '$20.00' },
  })
})

test('without a bound nothing is said to be left, and what does not exist has no wall', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: null })] })
  expect(await readWall(world.ctx, slug)).toMatchObject({ left: null, spending: { percent: null } })
  expect(await readWall(world.ctx, 'nothing')).toBeNull()
})
