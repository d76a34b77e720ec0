/** People who were turned away are counted by reason, at once and after a fold, without the person. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { foldCounters, verifyCounters } from '../operations/counters.server'
import { pauseMinting, resumeMinting } from '../keys/pause.server'
import { claimKey } from './claim.server'
import { readTurnedAway } from './turned-away.server'

const slug = 'test-workshop'
const claimAll = async (world: World, count: number) => {
  const people = await world.people(count)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  return people
}

test('eighteen claims at a room for one and three at a paused one are counted by reason', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ maxKeys: 1 })] })
  const people = await claimAll(world, 18)
  await pauseMinting(world.ctx, { actorUserId: 'github:staff', reason: 'Back at two.' })
  await claimAll(world, 3)
  const expected = [
    { reason: 'full', count: 17 },
    { reason: 'paused', count: 3 },
  ]
  expect((await readTurnedAway(world.ctx, 30)).get(slug)).toEqual(expected)
  await foldCounters(world.ctx)
  expect((await readTurnedAway(world.ctx, 30)).get(slug)).toEqual(expected)
  expect(await verifyCounters(world.ctx)).toEqual([])
  await resumeMinting(world.ctx, { actorUserId: 'github:staff' })
  const kept = JSON.stringify(
    await world.db.$queryRaw`select scope, facet, n::int from keymint.figure_steps`,
  )
  for (const { userId } of people) expect(kept).not.toContain(userId)
})

test('a click of somebody who has a key, and a workshop that does not exist, count nobody', async () => {
  await using world = await openWorld()
  const [person] = await claimAll(world, 1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await claimKey(world.ctx, { workshopSlug: 'nowhere', person: person!, optIn: false })
  expect(await readTurnedAway(world.ctx, 30)).toEqual(new Map())
})
