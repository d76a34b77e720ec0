/**
 * What a provider tells of an account: the balance with its age, and spending by model. A provider
 * that refuses or hangs costs its own job alone, and what it told before stays.
 */
import { expect, test } from 'vitest'
import type { ModelSpend } from '~/adapters/service-adapter'
import { ProviderError } from '~/adapters/provider-error'
import { made, oneMember, ref, usd, use } from '../../../tests/ledger'
import type { TeamWorld } from '../../../tests/team'
import { readAccountFacts, sendAccountFacts } from '../keys/account-facts.server'
import { disableKey, listMasterKeys } from '../vault/vault.server'
import { closeTeam } from './close.server'
import { readModelSpending } from './model-spending.server'

type Told = { balance: () => Promise<bigint>; models: (id: string) => Promise<ModelSpend[]> }

/** The service in memory, telling what the test says. */
function telling(world: TeamWorld, told: Told) {
  const { balance, models } = told
  Object.assign(world.service, {
    readBalance: () => balance(),
    listModelSpend: (_: unknown, id: string) => models(id),
  })
}
const refuses = () =>
  Promise.reject(
    new ProviderError({ call: 'GET /credits', kind: 'retryable', reason: 'forbidden' }),
  )
const balanceOf = async (world: TeamWorld) =>
  (await listMasterKeys(world.ctx, world.teamId))[0]?.balance
const facts = (world: TeamWorld) => world.db.accountFacts.findFirst()
const everybody = (world: TeamWorld) => ({ teamId: world.teamId, userId: null, keysOf: null })
const november = { from: '2026-11-01', to: '2026-11-30' }

test('a balance is read by its own job and shown with its age; a service without one says so', async () => {
  await using world = await oneMember(100)
  expect(await balanceOf(world)).toBeNull()
  expect(await sendAccountFacts(world.ctx)).toBe(0)
  let left = usd(12.5)
  telling(world, { balance: () => Promise.resolve(left), models: () => Promise.resolve([]) })
  expect(await balanceOf(world)).toEqual({ told: null, failedSince: null })
  expect(await sendAccountFacts(world.ctx)).toBe(1)
  await readAccountFacts(world.ctx, world.masterKeyId)
  const at = world.ctx.now().toISOString()
  expect(await balanceOf(world)).toEqual({
    told: { left: { text: '$12.50', usd: 12.5 }, at },
    failedSince: null,
  })
  // Not before a quarter of an hour, and then again.
  expect(await sendAccountFacts(world.ctx)).toBe(0)
  await world.moveClock(15 * 60_000)
  expect(await sendAccountFacts(world.ctx)).toBe(1)
  left = -usd(0.25)
  await readAccountFacts(world.ctx, world.masterKeyId)
  expect(await balanceOf(world)).toMatchObject({ told: { left: { usd: -0.25 } } })
})

test('a refusal keeps the last balance and its age, grows rare, and ends with the next answer', async () => {
  await using world = await oneMember(100)
  telling(world, { balance: () => Promise.resolve(usd(3)), models: () => Promise.resolve([]) })
  await readAccountFacts(world.ctx, world.masterKeyId)
  const at = world.ctx.now().toISOString()
  telling(world, { balance: refuses, models: () => Promise.resolve([]) })
  await world.moveClock(3_600_000)
  const waits: number[] = []
  for (let times = 0; times < 6; times++) {
    const { error } = (await readAccountFacts(world.ctx, world.masterKeyId)) as { error?: object }
    expect(error).toMatchObject({ reason: 'forbidden' })
    waits.push(((await facts(world))!.nextReadAt.getTime() - world.ctx.now().getTime()) / 60_000)
  }
  expect(waits).toEqual([15, 30, 60, 120, 240, 240])
  expect(await balanceOf(world)).toEqual({
    told: { left: { text: '$3.00', usd: 3 }, at },
    failedSince: world.ctx.now().toISOString(),
  })
  telling(world, { balance: () => Promise.resolve(usd(1)), models: () => Promise.resolve([]) })
  await readAccountFacts(world.ctx, world.masterKeyId)
  expect(await balanceOf(world)).toMatchObject({ told: { left: { usd: 1 } }, failedSince: null })
})

test('a provider that hangs ends at its deadline, and its keys are read meanwhile', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 10 })
  telling(world, { balance: () => new Promise(() => undefined), models: () => Promise.resolve([]) })
  const hanging = readAccountFacts(world.ctx, world.masterKeyId, { timeoutMs: 200 })
  await use(world, key, 2)
  expect(await hanging).toMatchObject({ kind: 'done', error: { reason: 'timeout' } })
  expect(await balanceOf(world)).toMatchObject({ told: null })
  expect(
    (await world.db.apiKey.findUniqueOrThrow({ where: { id: key } })).usageUsd.toNumber(),
  ).toBe(2)
})

test('nothing is asked of a credential that is disabled, nor in a closed team', async () => {
  await using world = await oneMember(100)
  telling(world, { balance: refuses, models: () => Promise.resolve([]) })
  const { teamId, scope, ownerId: userId, masterKeyId, slug } = world
  await disableKey(world.ctx, { teamId, scope, userId, masterKeyId })
  expect(await sendAccountFacts(world.ctx)).toBe(0)
  await world.db.masterKey.updateMany({ data: { state: 'active', disabledAt: null } })
  expect(await sendAccountFacts(world.ctx)).toBe(1)
  await closeTeam(world.ctx, { teamId, slug, actorUserId: userId, reason: 'over' })
  expect(await sendAccountFacts(world.ctx)).toBe(0)
})

test('models are asked for once a day after one o’clock, replace each other, and the rest stands apart', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 20 })
  await use(world, key, 5)
  const asked: string[] = []
  let rows: ModelSpend[] = []
  telling(world, {
    balance: () => Promise.resolve(usd(1)),
    models: (id) => {
      asked.push(id)
      return Promise.resolve(rows)
    },
  })
  const read = () => readAccountFacts(world.ctx, world.masterKeyId)
  expect(await readModelSpending(world.ctx, everybody(world), november)).toMatchObject({
    rows: [],
    untold: { usd: 5 },
    lastDay: null,
  })
  await world.setClock(new Date('2026-11-04T00:30:00Z'))
  await read()
  expect(asked, 'the books of the day before are not closed').toEqual([])
  await world.setClock(new Date('2026-11-04T01:00:00Z'))
  rows = [
    // Two endpoints of one model, one row.
    { day: '2026-11-03', model: 'a/one', usage: usd(1), requests: 3 },
    { day: '2026-11-03', model: 'a/one', usage: usd(0.5), requests: 1 },
    { day: '2026-11-03', model: 'b/two', usage: usd(2), requests: 7 },
    { day: 'never', model: 'b/two', usage: usd(2), requests: 7 },
    { day: '2026-11-02', model: 'x'.repeat(500), usage: -1n, requests: 1 },
  ]
  await read()
  await read()
  expect(asked).toHaveLength(1)
  expect(await readModelSpending(world.ctx, everybody(world), november)).toEqual({
    rows: [
      {
        model: 'b/two',
        service: world.service.service,
        requests: 7,
        spent: { text: '$2.00', usd: 2 },
      },
      {
        model: 'a/one',
        service: world.service.service,
        requests: 4,
        spent: { text: '$1.50', usd: 1.5 },
      },
    ],
    more: 0,
    told: { text: '$3.50', usd: 3.5 },
    untold: { text: '$1.50', usd: 1.5 },
    lastDay: '2026-11-03',
    silent: [],
  })
  // A later answer for the same day replaces it; more than the books is no rest below nothing.
  await world.setClock(new Date('2026-11-05T02:00:00Z'))
  rows = [{ day: '2026-11-03', model: 'b/two', usage: usd(9), requests: 8 }]
  await read()
  expect(asked).toHaveLength(2)
  expect(await readModelSpending(world.ctx, everybody(world), november)).toMatchObject({
    told: { usd: 10.5 },
    untold: null,
  })
  // Nothing was used since: nothing is asked.
  await world.setClock(new Date('2026-11-08T02:00:00Z'))
  await read()
  expect(asked).toHaveLength(2)
  const { teamId, ownerId } = world
  const others = { teamId, userId: ownerId, keysOf: ownerId }
  expect(await readModelSpending(world.ctx, others, november)).toBeNull()
  const own = { ...ref(world), keysOf: ref(world).userId }
  expect(await readModelSpending(world.ctx, own, november)).toMatchObject({ told: { usd: 10.5 } })
})

test('a key that is gone at the provider holds up no other, and a refusal leaves all for later', async () => {
  await using world = await oneMember(100)
  for (const amount of [1, 2]) await use(world, await made(world, { cap: 5 }), amount)
  await world.setClock(new Date('2026-11-04T02:00:00Z'))
  let gone = true
  const fails = (reason: 'not-found' | 'unauthorized') =>
    new ProviderError({
      call: 'GET /activity',
      ...(reason === 'not-found' ? { kind: 'rejected', reason } : { kind: 'retryable', reason }),
    })
  telling(world, {
    balance: () => Promise.resolve(0n),
    models: () => Promise.reject(fails('unauthorized')),
  })
  await readAccountFacts(world.ctx, world.masterKeyId)
  expect(await world.db.modelRead.count()).toBe(0)
  telling(world, {
    balance: () => Promise.resolve(0n),
    models: () => {
      const first = gone
      gone = false
      return first
        ? Promise.reject(fails('not-found'))
        : Promise.resolve([{ day: '2026-11-03', model: 'a/one', usage: 5n, requests: 1 }])
    },
  })
  expect(await readAccountFacts(world.ctx, world.masterKeyId)).toEqual({ kind: 'done' })
  expect(await world.db.modelRead.count()).toBe(2)
  expect(await world.db.modelDay.count()).toBe(1)
})
