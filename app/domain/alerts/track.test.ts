/** From what holds to what people are told: once, again when worse, resolved, and never for a blip. */
import { expect, test } from 'vitest'
import { receiveAlerts } from '../../../tests/alert-receiver'
import { openWorld, type World } from '../../../tests/world'
import { parseQuietHours } from '~/quiet-hours'
import { clearAfter, type Condition } from './alert'
import { trackConditions } from './track.server'

const condition = (change: Partial<Condition> = {}): Condition => ({
  kind: 'pool',
  subject: 'duckdb',
  threshold: '80',
  rank: 1,
  severity: 'warning',
  facts: { percent: 80 },
  holdSeconds: 0,
  clearSeconds: 60,
  ...change,
})
const spent = condition({ threshold: 'spent', rank: 2, facts: { percent: 100 } })

const track = (world: World, ...conditions: Condition[]) =>
  world.db.$transaction((tx) =>
    trackConditions(
      world.ctx,
      tx,
      { name: 'staff', recipients: world.ctx.alerts.staff },
      conditions,
    ),
  )
const told = async (world: World) =>
  (
    await world.db.alertDelivery.findMany({ orderBy: [{ createdAt: 'asc' }, { event: 'asc' }] })
  ).map(({ event, threshold, state }) => `${event} ${threshold} ${state}`.replace('  ', ' '))
const minutes = (count: number) => count * 60_000

test('a threshold is told once, a higher one again, and the end once it has lasted', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  for (let round = 0; round < 3; round++) await track(world, condition())
  expect(await told(world)).toEqual(['raised 80 waiting'])
  await track(world, spent)
  await track(world, condition())
  await track(world, spent)
  expect(await told(world)).toEqual(['raised 80 waiting', 'worse spent waiting'])
  await track(world)
  await world.travel(59_000)
  await track(world)
  expect(await told(world)).toHaveLength(2)
  await world.travel(2_000)
  await track(world)
  await track(world)
  expect(await told(world)).toEqual([
    'raised 80 waiting',
    'worse spent waiting',
    'resolved spent waiting',
  ])
  const [row] = await world.db.alert.findMany()
  expect(row).toMatchObject({ state: 'resolved', threshold: 'spent', facts: { percent: 100 } })
})

test('a warning that becomes an error is told again, at the same threshold too', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  await track(world, condition())
  await track(world, condition({ severity: 'error' }))
  await track(world, condition({ severity: 'error' }))
  expect(await told(world)).toEqual(['raised 80 waiting', 'worse 80 waiting'])
})

test('subjects and kinds are apart, and each receiver is told', async () => {
  await using world = await openWorld()
  await receiveAlerts(world, { slackUrl: 'https://hooks.example.org/x' })
  await track(world, condition(), condition({ subject: 'other' }), condition({ kind: 'drift' }))
  expect(await told(world)).toHaveLength(6)
  await world.travel(minutes(2))
  await track(world, condition())
  await world.travel(minutes(2))
  await track(world, condition())
  expect((await told(world)).filter((one) => one.startsWith('resolved'))).toHaveLength(4)
})

test('what does not last long enough is told to nobody', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  const blip = condition({ holdSeconds: 30 })
  await track(world, blip)
  await world.travel(20_000)
  await track(world)
  await world.travel(20_000)
  await track(world, blip)
  await world.travel(29_000)
  await track(world, blip)
  expect(await told(world)).toEqual([])
  await world.travel(1_000)
  await track(world, blip)
  expect(await told(world)).toEqual(['raised 80 waiting'])
})

test('what comes and goes stays open longer each time instead of being told each time', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  // There for half a minute, gone for a minute and a half: thirty times in an hour.
  for (let round = 0; round < 30; round++) {
    await track(world, condition())
    await world.travel(30_000)
    for (let pause = 0; pause < 3; pause++) {
      await track(world)
      await world.travel(30_000)
    }
  }
  const all = await told(world)
  expect(all.filter((one) => one.startsWith('raised')).length).toBeLessThanOrEqual(3)
  expect([0, 1, 2, 20].map((flaps) => clearAfter(60, flaps))).toEqual([60, 120, 240, 1_800])
})

test('one that may not be raised any more stays where it is there, and is not raised', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  const late = condition({ mayRaise: false })
  await track(world, late)
  expect(await told(world)).toEqual([])
  await track(world, condition())
  await world.travel(minutes(5))
  await track(world, late)
  expect(await told(world)).toEqual(['raised 80 waiting'])
})

test('two processes that judge at once raise one alert and tell each receiver once', async () => {
  await using world = await openWorld()
  await receiveAlerts(world)
  await Promise.all(Array.from({ length: 6 }, () => track(world, condition(), spent)))
  await Promise.all(Array.from({ length: 6 }, () => track(world, spent)))
  expect(await world.db.alert.count()).toBe(1)
  expect(new Set(await told(world)).size).toBe((await told(world)).length)
  await track(world)
  await world.travel(minutes(3))
  await Promise.all(Array.from({ length: 6 }, () => track(world)))
  expect((await told(world)).filter((one) => one.startsWith('resolved'))).toHaveLength(1)
})

test('quiet hours hold back all but errors, and one digest tells the rest', async () => {
  await using world = await openWorld({ clock: new Date('2026-11-28T21:30:00Z') })
  await receiveAlerts(world, { quietHours: parseQuietHours('22:00-07:00 Europe/Berlin') })
  const refused = condition({ kind: 'no-worker', subject: '', severity: 'error' })
  await track(world, condition(), refused)
  expect(await told(world)).toEqual(['raised 80 waiting', 'raised 80 held'].reverse())
  await world.travel(minutes(60))
  await track(world, spent, refused)
  await world.travel(minutes(60))
  await track(world)
  await world.travel(minutes(5))
  await track(world)
  const held = await world.db.alertDelivery.findMany({ where: { state: 'held' } })
  expect(held.map(({ event }) => event).sort()).toEqual(['raised', 'resolved', 'worse'])
  expect(
    await world.db.alertDelivery.count({ where: { severity: 'error', state: 'held' } }),
    'the end of an error is told at once',
  ).toBe(0)
  await world.travelTo(new Date('2026-11-29T06:00:00Z'))
  await Promise.all([track(world), track(world), track(world)])
  const digests = await world.db.alertDelivery.findMany({ where: { event: 'digest' } })
  expect(digests).toHaveLength(1)
  expect(digests[0]).toMatchObject({ state: 'waiting', severity: 'warning' })
  const { items } = digests[0]!.notice as { items: { event: string }[] }
  expect(items.map(({ event }) => event)).toEqual(['raised', 'worse', 'resolved'])
  expect(
    await world.db.alertDelivery.count({ where: { digestId: digests[0]!.id, state: 'digested' } }),
  ).toBe(3)
})
