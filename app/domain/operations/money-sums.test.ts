/** Money is three sums that add up to the whole, with or without a pool, and a forecast. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'
import { seedClaims } from '../../../tests/seed-claims'
import { moneySums } from './money-sums'
import { readPace } from './pace.server'

const now = new Date('2026-04-14T14:00:00Z')
const facts = { committed: usd(24), spent: usd(4), seats: 12, hourly: 0n, now }
const texts = (change: Partial<Parameters<typeof moneySums>[0]>) => {
  const { spent, maySpend, left, whole, keysLeft } = moneySums({
    ...facts,
    workshop: makeWorkshop({ poolLimit: usd(100), keyLimit: usd(2) }),
    ...change,
  })
  return [spent.text, maySpend.text, left?.text ?? null, whole?.text ?? null, keysLeft]
}

test('spent, may still be spent and left to hand out are the whole pool', () => {
  expect(texts({})).toEqual(['$4.00', '$20.00', '$76.00', '$100.00', 38])
})

test('a giveaway without a pool is as large as its number of keys: 12 of 300 is not full', () => {
  const workshop = makeWorkshop({ poolLimit: null, maxKeys: 300, keyLimit: usd(2) })
  expect(texts({ workshop })).toEqual(['$4.00', '$20.00', '$576.00', '$600.00', 288])
})

test('a workshop that is over has nothing left to hand out, and one without bounds says so', () => {
  expect(texts({ workshop: null })).toEqual(['$4.00', '$20.00', '$0.00', '$24.00', 0])
  const workshop = makeWorkshop({ poolLimit: null })
  expect(texts({ workshop })).toEqual(['$4.00', '$20.00', null, null, null])
})

test('a workshop to come counts its keys as of its opening, as its own page does', () => {
  const workshop = makeWorkshop({
    poolLimit: usd(60),
    keyLimit: usd(1),
    keyLimitReset: 'daily',
    claimsOpenAt: new Date('2026-06-01T00:00:00Z'),
    claimsCloseAt: new Date('2026-06-02T00:00:00Z'),
    keyExpiresAt: new Date('2026-06-02T00:00:00Z'),
  })
  const fresh = { workshop, committed: 0n, spent: 0n, seats: 0 }
  // Two days begin while a key made at the opening lives.
  expect(texts(fresh)).toEqual(['$0.00', '$0.00', '$60.00', '$60.00', 60])
})

test('at the pace of the last half hour the money lasts until a moment, or nothing is said', async () => {
  const workshop = makeWorkshop({ poolLimit: usd(100) })
  const until = (hourly: bigint) => moneySums({ ...facts, workshop, hourly }).lastsUntil
  expect(until(usd(36))).toBe('2026-04-14T16:40:00.000Z')
  expect(until(0n)).toBeNull()
  expect(until(usd(0.001)), 'more than a month').toBeNull()

  await using world = await openWorld()
  await seedClaims(world, 'test-workshop', 1)
  const sample = (minutesAgo: number, usage: number) =>
    world.db.$executeRaw`
      insert into keymint.usage_samples (scope, sampled_at, usage_usd, live_keys, active_keys)
      values ('test-workshop', now() - make_interval(mins => ${minutesAgo}::int), ${usage}::numeric, 1, 1)`
  await sample(50, 0)
  await sample(20, 1)
  expect(await readPace(world.ctx), 'one sample lately says nothing').toEqual(new Map())
  await sample(0, 6)
  expect(Number(await readPace(world.ctx).then((pace) => pace.get('test-workshop')))).toBeCloseTo(
    15e9,
    -8,
  )
})
