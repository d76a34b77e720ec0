import { expect, test } from 'vitest'
import { makeWorkshop, openWorld } from '../../tests/world'
import { claimKey } from '~/domain/claim/claim.server'
import { readWorkshopPulse } from './workshop-pulse.server'

test('a pulse shows a taken seat and a pause within a second, without any other page', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ maxKeys: 3 })] })
  expect(await readWorkshopPulse(world.ctx, 'test-workshop')).toMatchObject({
    window: 'open',
    seats: { total: 3, left: 3 },
    paused: null,
  })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  await world.db.$executeRaw`update keymint.minting set paused_at = now(), pause_reason = 'Lunch.'`
  world.moveClock(1_001)
  expect(await readWorkshopPulse(world.ctx, 'test-workshop')).toMatchObject({
    seats: { total: 3, left: 2 },
    paused: { cause: 'paused', reason: 'Lunch.' },
    next: 5_000,
  })
  expect(await readWorkshopPulse(world.ctx, 'nowhere')).toBeNull()
})

test('a whole workshop that looks in the same second costs one reading', async () => {
  await using world = await openWorld()
  const pulses = await Promise.all(
    Array.from({ length: 50 }, () => readWorkshopPulse(world.ctx, 'test-workshop')),
  )
  expect(new Set(pulses).size).toBe(1)
})
