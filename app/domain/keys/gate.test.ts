/**
 * The gate in front of POST /keys: everybody cools down together, one probe at a time, and never
 * shut for good.
 */
import { expect, test } from 'vitest'
import type { KeyProvider } from '~/adapters/key-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { openWorld, type World } from '../../../tests/harness'
import { coolDown, countDoubt, openGate, takeProbe } from './gate.server'
import { runMint } from './mint.server'

const slug = 'test-workshop'

async function mintsOf(world: World, count: number): Promise<string[]> {
  for (const person of await world.people(count))
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  return (await world.db.mint.findMany({ orderBy: { queuedAt: 'asc' } })).map((mint) => mint.id)
}

/** As if the cool-down had just ended for the gate and for every mint. */
const coolDownEnds = (world: World) =>
  world.db.$transaction([
    world.db.$executeRaw`update keymint.minting set cooldown_until = now() - interval '1 ms'`,
    world.db.$executeRaw`update keymint.mints set not_before = null`,
  ])

const gateOf = (world: World) => world.db.minting.findFirstOrThrow()

test('of many who find the gate half open one makes a call, and its success opens it for all', async () => {
  await using world = await openWorld()
  const mints = await mintsOf(world, 12)
  await world.db.$transaction((tx) => coolDown(tx, 'rate-limited', 60))
  await coolDownEnds(world)
  const outcomes = await Promise.all(mints.map((id) => runMint(world.ctx, id)))
  expect((await world.calls())['POST /keys']).toBe(1)
  expect(outcomes.filter((outcome) => outcome.kind === 'done')).toHaveLength(1)
  expect(await gateOf(world)).toMatchObject({ failures: 0, cooldownUntil: null, probeAt: null })
})

test('a success of a call sent before a refusal does not open the gate that the refusal closed', async () => {
  await using world = await openWorld()
  const [first] = await mintsOf(world, 1)
  await world.db.$transaction((tx) => countDoubt(tx))
  const refusedMeanwhile: KeyProvider = {
    ...world.ctx.provider,
    createKey: async (input) => {
      await world.db.$transaction((tx) => coolDown(tx, 'rate-limited', 60))
      return world.ctx.provider.createKey(input)
    },
  }
  expect(await runMint({ ...world.ctx, provider: refusedMeanwhile }, first!)).toEqual({
    kind: 'done',
  })
  const gate = await gateOf(world)
  expect(gate.reason).toBe('rate-limited')
  expect(gate.cooldownUntil!.getTime() - Date.now()).toBeGreaterThan(50_000)
})

// An answer in doubt does not shorten it either.
test('calls refused together count as one failure, and a longer wait is never shortened', async () => {
  await using world = await openWorld()
  for (let call = 0; call < 8; call++)
    await world.db.$transaction((tx) => coolDown(tx, 'rate-limited', undefined))
  expect((await gateOf(world)).failures).toBe(1)
  await world.db.$transaction((tx) => coolDown(tx, 'rate-limited', 60))
  for (let call = 0; call < 8; call++) await world.db.$transaction((tx) => countDoubt(tx))
  expect((await gateOf(world)).cooldownUntil!.getTime() - Date.now()).toBeGreaterThan(50_000)
})

test('a probe that gets a hard refusal opens the gate: the others need not wait for it', async () => {
  await using world = await openWorld()
  const [first, second] = await mintsOf(world, 2)
  await world.db.$transaction((tx) => coolDown(tx, 'rate-limited', 60))
  await coolDownEnds(world)
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400, times: 1 }] })
  await runMint(world.ctx, first!)
  expect(await runMint(world.ctx, second!)).toEqual({ kind: 'done' })
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(1)
})

test('a probe whose worker died is forgotten, and another mint may try', async () => {
  await using world = await openWorld()
  await world.db.$transaction((tx) => coolDown(tx, 'unauthorized', 60))
  await coolDownEnds(world)
  expect(await takeProbe(world.db)).toBe(true)
  expect(await takeProbe(world.db)).toBe(false)
  await world.db.$executeRaw`update keymint.minting set probe_at = now() - interval '13 s'`
  expect(await takeProbe(world.db)).toBe(true)
  await openGate(world.db, { probing: true })
  expect(await gateOf(world)).toMatchObject({ failures: 0, cooldownUntil: null })
})

test('a mint whose every worker dies in the middle comes to an end that a person can read', async () => {
  await using world = await openWorld()
  const [mint] = await mintsOf(world, 1)
  const dying: KeyProvider = {
    ...world.ctx.provider,
    createKey: () => Promise.reject(new Error('the process is gone')),
  }
  for (let life = 0; life < 21; life++)
    await runMint({ ...world.ctx, provider: dying }, mint!).catch(() => undefined)
  expect(await runMint({ ...world.ctx, provider: dying }, mint!)).toEqual({
    kind: 'done',
    error: { reason: 'gave-up' },
  })
  expect(await world.db.workshopAttendance.findFirstOrThrow()).toMatchObject({
    state: 'refused',
    reason: 'gave-up',
  })
})

test('trouble with the database around the guardrail does not stop a mint', async () => {
  await using world = await openWorld()
  const [mint] = await mintsOf(world, 1)
  const broken: KeyProvider = {
    ...world.ctx.provider,
    listGuardrails: () =>
      Promise.reject(new Error('terminating connection due to idle-in-transaction timeout')),
  }
  expect(await runMint({ ...world.ctx, provider: broken }, mint!)).toEqual({ kind: 'done' })
  expect(await world.liveKeys()).toHaveLength(1)
})
