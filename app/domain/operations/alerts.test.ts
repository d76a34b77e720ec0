/**
 * Banners for staff: each stands when it should, says how much, and goes when its cause has gone.
 */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { seedClaims } from '../../../tests/seed-claims'
import { askForCheck, runCheck } from '../keys/reconcile-runs.server'
import { readAlerts } from './alerts.server'
import { syncUsage } from '../keys/usage.server'

const slug = 'test-workshop'
const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const kinds = async (world: World) =>
  (await readAlerts(world.ctx)).map((alert) => `${alert.kind} ${alert.tone}`)
const open = (pool: number) =>
  openWorld({ workshops: [makeWorkshop({ poolLimit: usd(pool), maxKeys: 10 })] })

test('a room with a quiet account raises nothing, and asks nobody upstream', async () => {
  await using world = await open(20)
  await seedClaims(world, slug, 2)
  await syncUsage(world.ctx)
  await world.call('/__sim/calls', { method: 'DELETE' })
  expect(await readAlerts(world.ctx)).toEqual([])
  expect(await world.calls()).toEqual({})
})

test('four fifths of a pool raise a banner with the room that is left, until the room is empty again', async () => {
  await using world = await open(10)
  await seedClaims(world, slug, 3)
  await syncUsage(world.ctx)
  expect(await readAlerts(world.ctx)).toEqual([])
  await seedClaims(world, slug, 1)
  expect(await readAlerts(world.ctx)).toMatchObject([
    {
      kind: 'pool-80',
      tone: 'amber',
      workshopSlug: slug,
      title: 'A workshop for tests: 80 % of the pool is committed.',
      figures: { committed: '$8.00', limit: '$10.00' },
    },
  ])
  expect((await readAlerts(world.ctx))[0]!.words).toContain('There is room for 1 more key.')
  world.moveClock(2 * 3_600_000)
  expect(await kinds(world), 'the doors are closed, and keys still live').toEqual(['pool-80 amber'])
  world.moveClock(30 * 3_600_000)
  expect(await kinds(world)).toEqual([])
})

test('an overrun of keys is named with its amount, and one of the pool is worse', async () => {
  await using world = await open(9)
  const [first] = await seedClaims(world, slug, 4)
  await world.call('/__sim/spend', post({ hash: first!.hash, usd: 2.004 }))
  await syncUsage(world.ctx)
  expect(await kinds(world), 'less than a cent is what requests in flight leave').toEqual([
    'pool-80 amber',
  ])
  await world.call('/__sim/spend', post({ hash: first!.hash, usd: 0.5 }))
  await syncUsage(world.ctx)
  const [over] = await readAlerts(world.ctx)
  expect(over).toMatchObject({
    kind: 'overspend',
    tone: 'amber',
    figures: { keys: '1', over: '$0.50' },
    asOf: expect.any(String) as string,
  })
  await seedClaims(world, slug, 1)
  expect(await kinds(world)).toEqual(['overspend brick', 'overspend amber'])
  expect((await readAlerts(world.ctx))[0]).toMatchObject({
    figures: { committed: '$10.00', limit: '$9.00', over: '$1.00' },
  })
})

test('credits are weighed against what keys may still spend, and against a full house', async () => {
  await using world = await open(20)
  const [first] = await seedClaims(world, slug, 4)
  await world.call('/__sim/spend', post({ hash: first!.hash, usd: 1 }))
  for (const [credits, expected] of [
    [20, []],
    [19.5, ['credits-low amber']],
    [8.5, ['credits-low amber']],
    [7, ['credits-low brick']],
  ] as const) {
    await world.faults({ credits })
    await syncUsage(world.ctx)
    expect(await kinds(world), String(credits)).toEqual(expected)
  }
  const [low] = await readAlerts(world.ctx)
  expect(low).toMatchObject({
    figures: { left: '$6.00', promised: '$7.00', room: '$12.00' },
    asOf: expect.any(String) as string,
  })
})

test('credits and usage that could not be read for long are said to be old, with the reason', async () => {
  await using world = await open(20)
  await seedClaims(world, slug, 1)
  await syncUsage(world.ctx)
  await world.faults({ rules: [{ match: '*', fault: '503', message: 'down for repairs' }] })
  await expect(syncUsage(world.ctx)).rejects.toThrow()
  expect(await readAlerts(world.ctx), 'one failure is no news').toEqual([])
  await world.db.$executeRaw`update keymint.account_readings set read_at = now() - interval '2 h'`
  await world.db.$executeRaw`update keymint.usage_syncs set synced_at = now() - interval '2 h'`
  const alerts = await readAlerts(world.ctx)
  expect(alerts.map((alert) => alert.kind)).toEqual(['credits-unread', 'usage-stale'])
  for (const alert of alerts) expect(alert.words).toContain('down for repairs')
})

test('open drift of the newest check is named until it is settled', async () => {
  await using world = await open(100)
  const [claim] = await seedClaims(world, slug, 1)
  await syncUsage(world.ctx)
  await world.ctx.provider.updateKey(claim!.hash, { disabled: true })
  await runCheck(world.ctx, (await askForCheck(world.ctx, 'operator')).runId)
  expect(await readAlerts(world.ctx)).toMatchObject([{ kind: 'drift', figures: { open: '1' } }])
  await world.ctx.provider.updateKey(claim!.hash, { disabled: false })
  await runCheck(world.ctx, (await askForCheck(world.ctx, 'operator')).runId)
  expect(await readAlerts(world.ctx)).toEqual([])
})
