/** What a thousand keys cost: one call for each hundred, for the check and for reading an account alike. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { seedClaims } from '../../../tests/seed-claims'
import { readAll } from '../../../tests/engine'
import { planReconcile } from './reconcile.server'

const count = 1050

async function callsOf(
  world: World,
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  await world.call('/__sim/calls', { method: 'DELETE' })
  await work()
  return world.calls()
}

test('1,050 giveaway keys cost eleven pages each pass, and eleven of assignments every five minutes', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({
        slug: 'gift',
        kind: 'giveaway',
        keyLimit: usd(0.25),
        keyLimitReset: 'daily',
        poolLimit: null,
        maxKeys: 2000,
      }),
    ],
  })
  const claims = await seedClaims(world, 'gift', count)
  // Eleven pages, and the first once more because new keys shift the pages. What is assigned is looked
  // at every five minutes: a key that lost its guardrail may use any model.
  expect(await callsOf(world, () => readAll(world))).toEqual({
    'GET /keys': 12,
    'GET /guardrails/{id}/assignments/keys': 11,
  })
  expect(await world.db.workshopAttendance.count({ where: { usageSyncedAt: { not: null } } })).toBe(
    count,
  )

  let plan = await planReconcile(world.ctx)
  expect(plan).toMatchObject({ upstream: count, ours: count, unverified: 0, drifts: [] })
  expect(await callsOf(world, () => planReconcile(world.ctx))).toEqual({
    'GET /keys': 12,
    'GET /guardrails': 1,
    'GET /guardrails/{id}/assignments/keys': 11,
    'GET /models': 1,
  })

  // A whole workspace gone: two hundred are asked about in a pass, and none is believed gone
  // without.
  await Promise.all(claims.slice(0, 260).map(({ hash }) => world.ctx.provider.deleteKey(hash)))
  const calls = await callsOf(world, async () => {
    plan = await planReconcile(world.ctx)
  })
  expect(calls['GET /keys/{hash}']).toBe(200)
  expect(plan.drifts.filter((drift) => drift.kind === 'dangling')).toHaveLength(200)
  expect(plan.unverified).toBe(60)
  // A part of an account is no other account: two passes ask about all that are absent.
  for (let pass = 0; pass < 3; pass++) await readAll(world)
  expect(
    await world.db.workshopAttendance.count({ where: { upstreamMissingAt: { not: null } } }),
  ).toBe(260)
}, 120_000)
