/**
 * The gate in front of POST /keys: one shared cool-down for each account, one probe at a time, and
 * never shut for good.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { KeyProvider } from '~/adapters/key-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { openWorld, withService, type World } from '../../../tests/world'
import {
  coolDown,
  countDoubt,
  deploymentAccount as account,
  openGate,
  takeProbe,
} from './accounts.server'
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
    world.db.$executeRaw`update keymint.accounts set cooldown_until = now() - interval '1 ms'`,
    world.db.$executeRaw`update keymint.mints set not_before = null`,
  ])

const gateOf = (world: World) => world.db.account.findUniqueOrThrow({ where: { id: account } })

test('of many who find the gate half open one makes a call, and its success opens it for all', async () => {
  await using world = await openWorld()
  const mints = await mintsOf(world, 12)
  await world.db.$transaction((tx) => coolDown(tx, account, 'rate-limited', 60))
  await coolDownEnds(world)
  // The call goes on until all others have looked: whoever comes after its success may pass.
  let looked = 0
  const slow = withService(world.ctx, (real) => ({
    createKey: async (credential, key) => {
      for (let waits = 0; looked < mints.length - 1 && waits < 500; waits++) await sleep(10)
      return real.createKey(credential, key)
    },
  }))
  const outcomes = await Promise.all(mints.map((id) => runMint(slow, id).finally(() => looked++)))
  expect((await world.calls())['POST /keys']).toBe(1)
  expect(outcomes.filter((outcome) => outcome.kind === 'done')).toHaveLength(1)
  expect(await gateOf(world)).toMatchObject({ failures: 0, cooldownUntil: null, probeAt: null })
})

test('a success of a call sent before a refusal does not open the gate that the refusal closed', async () => {
  await using world = await openWorld()
  const [first] = await mintsOf(world, 1)
  await world.db.$transaction((tx) => countDoubt(tx, account))
  const refusedMeanwhile = withService(world.ctx, (real) => ({
    createKey: async (credential, key) => {
      await world.db.$transaction((tx) => coolDown(tx, account, 'rate-limited', 60))
      return real.createKey(credential, key)
    },
  }))
  expect(await runMint(refusedMeanwhile, first!)).toEqual({ kind: 'done' })
  const gate = await gateOf(world)
  expect(gate.reason).toBe('rate-limited')
  expect(gate.cooldownUntil!.getTime() - Date.now()).toBeGreaterThan(50_000)
})

// An answer in doubt does not shorten it either.
test('calls refused together count as one failure, and a longer wait is never shortened', async () => {
  await using world = await openWorld()
  for (let call = 0; call < 8; call++)
    await world.db.$transaction((tx) => coolDown(tx, account, 'rate-limited', undefined))
  expect((await gateOf(world)).failures).toBe(1)
  await world.db.$transaction((tx) => coolDown(tx, account, 'rate-limited', 60))
  for (let call = 0; call < 8; call++) await world.db.$transaction((tx) => countDoubt(tx, account))
  expect((await gateOf(world)).cooldownUntil!.getTime() - Date.now()).toBeGreaterThan(50_000)
})

test('a probe that gets a hard refusal opens the gate: the others need not wait for it', async () => {
  await using world = await openWorld()
  const [first, second] = await mintsOf(world, 2)
  await world.db.$transaction((tx) => coolDown(tx, account, 'rate-limited', 60))
  await coolDownEnds(world)
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400, times: 1 }] })
  await runMint(world.ctx, first!)
  expect(await runMint(world.ctx, second!)).toEqual({ kind: 'done' })
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(1)
})

test('a probe whose worker died is forgotten, and another mint may try', async () => {
  await using world = await openWorld()
  await world.db.$transaction((tx) => coolDown(tx, account, 'unauthorized', 60))
  await coolDownEnds(world)
  expect(await takeProbe(world.db, account)).toBe(true)
  expect(await takeProbe(world.db, account)).toBe(false)
  await world.db.$executeRaw`update keymint.accounts set probe_at = now() - interval '13 s'`
  expect(await takeProbe(world.db, account)).toBe(true)
  await openGate(world.db, account, { probing: true })
  expect(await gateOf(world)).toMatchObject({ failures: 0, cooldownUntil: null })
})

test('a mint whose every worker dies in the middle waits, and one that lives makes it', async () => {
  await using world = await openWorld()
  const [mint] = await mintsOf(world, 1)
  const dying = withService(world.ctx, () => ({
    createKey: () => Promise.reject(new Error('the process is gone')),
  }))
  for (let life = 0; life < 40; life++) await runMint(dying, mint!).catch(() => undefined)
  const inDoubt = { where: { state: { in: ['sent', 'unknown'] } } }
  expect(await world.db.mintAttempt.count(inDoubt)).toBeLessThanOrEqual(
    2 * world.ctx.mintConcurrency + 1,
  )
  expect(await runMint(dying, mint!)).toMatchObject({ kind: 'snooze', reason: 'upstream-trouble' })
  expect(await world.db.workshopAttendance.findFirstOrThrow()).toMatchObject({ state: 'pending' })
  // A whole list has shown none of their keys.
  await world.db.$executeRaw`update keymint.mint_attempts set resolved_at = now()`
  await world.db.$executeRaw`update keymint.mints set not_before = null`
  expect(await runMint(world.ctx, mint!)).toEqual({ kind: 'done' })
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('ready')
  expect(await world.liveKeys()).toHaveLength(1)
})

test('a failing database around the guardrail does not stop a mint', async () => {
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
