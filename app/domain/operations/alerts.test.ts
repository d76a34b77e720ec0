/**
 * Alerts for staff: each is there when it should be, says how much, and goes with its cause.
 */
import { expect, test } from 'vitest'
import { readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { seedClaims } from '../../../tests/seed-claims'
import { askForCheck, runCheck } from '../keys/reconcile-runs.server'
import { alertMessage } from '~/messages/alerts'
import { readMoneyFindings } from './alerts.server'
import { readCredits } from '../keys/account-reading.server'

const slug = 'test-workshop'
const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const kinds = async (world: World) =>
  (await readMoneyFindings(world.ctx)).map((alert) => `${alert.code} ${alert.severity}`)
/** As every minute: all accounts, and the credits of the deployment's own. */
async function readMoney(world: World) {
  await readAll(world)
  await readCredits(world.ctx)
}
const open = (pool: number) =>
  openWorld({ workshops: [makeWorkshop({ poolLimit: usd(pool), maxKeys: 10 })] })

test('a workshop with enough credit raises nothing, and the provider is not asked', async () => {
  await using world = await open(20)
  await seedClaims(world, slug, 2)
  await readMoney(world)
  await world.call('/__sim/calls', { method: 'DELETE' })
  expect(await readMoneyFindings(world.ctx)).toEqual([])
  expect(await world.calls()).toEqual({})
})

test('80 % of a pool raise an alert with what is left, until its keys have ended', async () => {
  await using world = await open(10)
  await seedClaims(world, slug, 3)
  await readMoney(world)
  expect(await readMoneyFindings(world.ctx)).toEqual([])
  await seedClaims(world, slug, 1)
  expect(await readMoneyFindings(world.ctx)).toMatchObject([
    {
      code: 'pool-80',
      severity: 'warning',
      workshop: { slug },
      committed: { text: '$8.00' },
      limit: { text: '$10.00' },
    },
  ])
  const message = alertMessage((await readMoneyFindings(world.ctx))[0]!)
  expect(message.title).toBe('A workshop for tests: 80 % of the pool is committed')
  expect(message.sentence).toContain('Room for 1 more key.')
  world.moveClock(2 * 3_600_000)
  expect(await kinds(world), 'claims are closed, and keys still live').toEqual(['pool-80 warning'])
  world.moveClock(30 * 3_600_000)
  expect(await kinds(world)).toEqual([])
})

test('an overrun of keys is named with its amount, and one of the pool is worse', async () => {
  await using world = await open(9)
  const [first] = await seedClaims(world, slug, 4)
  await world.call('/__sim/spend', post({ hash: first!.hash, usd: 2.004 }))
  await readMoney(world)
  expect(await kinds(world), 'less than a cent is what requests in flight leave').toEqual([
    'pool-80 warning',
  ])
  await world.call('/__sim/spend', post({ hash: first!.hash, usd: 0.5 }))
  await readMoney(world)
  const [over] = await readMoneyFindings(world.ctx)
  expect(over).toMatchObject({
    code: 'keys-over-limit',
    severity: 'warning',
    keys: 1,
    over: { text: '$0.50' },
    asOf: expect.any(String) as string,
  })
  await seedClaims(world, slug, 1)
  expect(await kinds(world)).toEqual(['pool-passed error', 'keys-over-limit warning'])
  expect((await readMoneyFindings(world.ctx))[0]).toMatchObject({
    committed: { text: '$10.50' },
    limit: { text: '$9.00' },
    over: { text: '$1.50' },
  })
})

test('credits are weighed against what keys may still spend, and against all open seats', async () => {
  await using world = await open(20)
  const [first] = await seedClaims(world, slug, 4)
  await world.call('/__sim/spend', post({ hash: first!.hash, usd: 1 }))
  for (const [credits, expected] of [
    [20, []],
    [19.5, ['credits-low warning']],
    [10.5, ['credits-low warning']],
    // Less than half of what is ahead.
    [8.5, ['credits-low error']],
    [7, ['credits-low error']],
  ] as const) {
    await world.faults({ credits })
    await readMoney(world)
    expect(await kinds(world), String(credits)).toEqual(expected)
  }
  const [low] = await readMoneyFindings(world.ctx)
  expect(low).toMatchObject({
    left: { text: '$6.00' },
    promised: { text: '$7.00' },
    claimable: { text: '$12.00' },
    asOf: expect.any(String) as string,
  })
})

test('credits and usage that could not be read for long are said to be old, with the reason', async () => {
  await using world = await open(20)
  await seedClaims(world, slug, 1)
  await readMoney(world)
  await world.faults({ rules: [{ match: '*', fault: '503', message: 'down for repairs' }] })
  await readMoney(world)
  expect(await readMoneyFindings(world.ctx), 'one failure is no news').toEqual([])
  await world.db.$executeRaw`update keymint.account_readings set read_at = now() - interval '2 h'`
  await world.db.$executeRaw`update keymint.accounts set listed_at = now() - interval '2 h'`
  const alerts = await readMoneyFindings(world.ctx)
  expect(alerts.map((alert) => alert.code)).toEqual(['credits-unread', 'usage-stale'])
  for (const alert of alerts) expect(alertMessage(alert).sentence).toContain('down for repairs')
})

test('open drift of the newest check is named until it is settled', async () => {
  await using world = await open(100)
  const [claim] = await seedClaims(world, slug, 1)
  await readMoney(world)
  await world.ctx.provider.updateKey(claim!.hash, { disabled: true })
  await runCheck(world.ctx, (await askForCheck(world.ctx, 'operator')).runId)
  expect(await readMoneyFindings(world.ctx)).toMatchObject([{ code: 'drift', open: 1 }])
  await world.ctx.provider.updateKey(claim!.hash, { disabled: false })
  await runCheck(world.ctx, (await askForCheck(world.ctx, 'operator')).runId)
  expect(await readMoneyFindings(world.ctx)).toEqual([])
})
