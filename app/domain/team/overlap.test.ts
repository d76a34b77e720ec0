/** A rotation whose old key works on for a while: both together within the key's money, whatever fails. */
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { balance, day, made, oneMember, ref, usd, use } from '../../../tests/ledger'
import { Crash, type MemoryFault } from '../../../tests/memory-service'
import type { TeamWorld } from '../../../tests/team'
import { rollMonths } from '../money/budgets.server'
import { endOldKey } from './overlap.server'
import { revealSubKey } from './reveal.server'
import { findSubKey } from './sub-key-view.server'
import { changeCap, deleteSubKey, rotateSubKey } from './sub-key.server'

const hour = 3_600_000
const held = (world: TeamWorld) => [...world.service.keys.values()]
const actorOf = (world: TeamWorld, keyId: string) => ({ ...ref(world), keyId })
const overlap = (world: TeamWorld, keyId: string, hours = 24, shown?: number) =>
  rotateSubKey(world.ctx, actorOf(world, keyId), 'a new laptop', shown, hours)
const viewOf = async (world: TeamWorld, keyId: string) =>
  (await findSubKey(world.ctx, world.teamId, keyId))!

/** A key of 20 USD with 6 spent, replaced with an overlap, the new one made and the old one counted. */
async function overlapped(hours = 24, reset?: 'monthly') {
  const world = await oneMember(100)
  const keyId = await made(world, { cap: 20, ...(reset ? { reset } : {}) })
  await use(world, keyId, 6)
  expect(await overlap(world, keyId, hours)).toEqual({ kind: 'asked' })
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  await world.moveClock(61_000)
  await world.read()
  await world.apply(keyId)
  return { world, keyId }
}

test('the old key works on with its part, the new one has the rest, and the end returns what is left', async () => {
  const { world, keyId } = await overlapped(4)
  await using _ = world
  const [old, fresh] = held(world)
  // 14 of 20 are left: a half each.
  expect([old!.cap, old!.disabled, fresh!.cap]).toEqual([usd(13), false, usd(7)])
  expect(await balance(world)).toEqual({ allocated: 100, committed: 14, spent: 6, free: 80 })
  expect((await viewOf(world, keyId)).oldKey).toMatchObject({
    state: 'working',
    left: { usd: 7 },
    label: expect.stringContaining('sk-') as string,
  })
  // The new key is the one that its holder sees.
  const shown = await revealSubKey(world.ctx, actorOf(world, keyId))
  expect(shown).toMatchObject({ kind: 'revealed', key: `sk-of-${fresh!.id}` })
  world.service.use(old!.id, usd(100))
  world.service.use(fresh!.id, usd(100))
  expect(old!.usage + fresh!.usage, 'both together').toBe(usd(20))
  await world.read()
  await checkLedger(world)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 20, free: 80 })
  await world.moveClock(4 * hour)
  await world.sweep()
  expect([old!.disabled, fresh!.disabled]).toEqual([true, false])
  await world.letSettle()
  await checkLedger(world)
  expect((await viewOf(world, keyId)).oldKey).toBeNull()
})

test('what the old key has not used at the end of the overlap goes to the new one', async () => {
  const { world, keyId } = await overlapped(1)
  await using _ = world
  const [old, fresh] = held(world)
  world.service.use(old!.id, usd(2))
  await world.moveClock(hour)
  await world.sweep()
  expect(old!.disabled).toBe(true)
  await world.letSettle()
  await world.sweep()
  expect(fresh!.cap, '20 less the 8 of the old one').toBe(usd(12))
  expect(await balance(world)).toEqual({ allocated: 100, committed: 12, spent: 8, free: 80 })
  expect((await viewOf(world, keyId)).phase).toBe('ready')
})

test('the new key is not made before the provider has confirmed the lower limit of the old one', async () => {
  await using world = await oneMember(100)
  const keyId = await made(world, { cap: 20 })
  await overlap(world, keyId)
  expect(await world.mint(keyId)).toBe(false)
  expect((await viewOf(world, keyId)).oldKey).toMatchObject({ state: 'lowering', until: null })
  world.service.nextFault = () => 'cut-before'
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(false)
  world.service.nextFault = () => 'none'
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  await checkLedger(world)
})

test('posted twice it is one replacement, and another one ends the oldest key at once', async () => {
  const { world, keyId } = await overlapped()
  await using _ = world
  expect(await overlap(world, keyId, 24, 1)).toEqual({ kind: 'asked' })
  expect(held(world)).toHaveLength(2)
  expect(await overlap(world, keyId, 2, 2)).toEqual({ kind: 'asked' })
  await world.apply(keyId)
  expect(held(world).map(({ disabled }) => disabled)).toEqual([true, false])
  expect(await world.mint(keyId)).toBe(true)
  await world.letSettle()
  await world.sweep()
  await checkLedger(world)
  expect(held(world).map(({ disabled }) => disabled)).toEqual([true, false, false])
})

test('a refused new key leaves the old one with its whole cap, and it can be replaced again', async () => {
  await using world = await oneMember(100)
  const keyId = await made(world, { cap: 20, reset: 'monthly' })
  await use(world, keyId, 6)
  await overlap(world, keyId)
  await world.apply(keyId)
  await world.refuseMint(keyId)
  await world.apply(keyId)
  const [old] = held(world)
  expect(old).toMatchObject({ cap: usd(20), reset: 'monthly', disabled: false })
  const view = await viewOf(world, keyId)
  expect(view).toMatchObject({
    phase: 'ready',
    replaceRefused: true,
    oldKey: null,
    revealable: true,
  })
  expect(await revealSubKey(world.ctx, actorOf(world, keyId))).toMatchObject({ kind: 'revealed' })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 14, spent: 6, free: 80 })
  await checkLedger(world)
  expect(await overlap(world, keyId, 24, view.generation)).toEqual({ kind: 'asked' })
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  expect(await viewOf(world, keyId)).toMatchObject({ phase: 'ready', replaceRefused: false })
  await checkLedger(world)
})

test('the old key can be ended now, before and after the new one is made', async () => {
  const { world, keyId } = await overlapped()
  await using _ = world
  const [old, fresh] = held(world)
  const stranger = { ...actorOf(world, keyId), userId: 'nobody' }
  await expect(endOldKey(world.ctx, stranger, '')).rejects.toThrow()
  expect(await endOldKey(world.ctx, actorOf(world, keyId), 'moved')).toEqual({ kind: 'ended' })
  expect(await endOldKey(world.ctx, actorOf(world, keyId), 'moved')).toMatchObject({
    reason: 'no-old-key',
  })
  expect((await viewOf(world, keyId)).oldKey).toMatchObject({ state: 'closing' })
  await world.apply(keyId)
  expect([old!.disabled, fresh!.disabled]).toEqual([true, false])
  await world.letSettle()
  await world.sweep()
  expect(fresh!.cap).toBe(usd(14))
  expect(await world.db.auditEvent.count({ where: { action: 'sub-key.former-ended' } })).toBe(1)
  // Before the new one is made it is a replacement without an overlap.
  await overlap(world, keyId)
  await endOldKey(world.ctx, actorOf(world, keyId), 'now')
  await world.apply(keyId)
  expect(fresh!.disabled).toBe(true)
  expect(await world.mint(keyId)).toBe(true)
  await checkLedger(world)
})

test('revoked, suspended with its member or expired inside the overlap, both keys end', async () => {
  const { world, keyId } = await overlapped()
  await using _ = world
  expect(
    await deleteSubKey(world.ctx, { ...actorOf(world, keyId), userId: world.ownerId }, 'x'),
  ).toEqual({ kind: 'ended' })
  await world.letSettle()
  expect(held(world).every(({ disabled }) => disabled)).toBe(true)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 6, free: 94 })
  await checkLedger(world)
})

test('an end inside the overlap ends both, and all money returns', async () => {
  await using world = await oneMember(100)
  const keyId = await made(world, { cap: 20, lifeMs: 2 * hour })
  await overlap(world, keyId, 24)
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  const [old] = held(world)
  const row = await world.db.key.findFirstOrThrow({ where: { generation: 1 } })
  expect(row.graceUntil).toEqual(row.expiresAt)
  world.service.use(old!.id, usd(1))
  await world.moveClock(3 * hour)
  await world.sweep()
  await world.letSettle()
  expect(await viewOf(world, keyId)).toMatchObject({
    phase: 'ended',
    reason: 'expired',
    oldKey: null,
  })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 1, free: 99 })
  await checkLedger(world)
})

test('a replacement that waits past the end, or is refused, has ended what was spent before', async () => {
  for (const refused of [false, true]) {
    await using world = await oneMember(100)
    const keyId = await made(world, { cap: 20, lifeMs: 2 * hour })
    await use(world, keyId, 6)
    await overlap(world, keyId, 0)
    await world.apply(keyId)
    if (refused) await world.refuseMint(keyId)
    await world.moveClock(3 * hour)
    expect(await world.mint(keyId)).toBe(false)
    expect((await world.row(keyId)).state).toBe('refused')
    const { expiresAt, ...view } = await viewOf(world, keyId)
    const reason = refused ? 'not-replaced' : 'expired'
    expect(view).toMatchObject({ reason, spent: { usd: 6 } })
    expect(view.endedAt! <= expiresAt).toBe(true)
    await world.letSettle()
    expect(await viewOf(world, keyId)).toMatchObject({ phase: 'ended', reason, spent: { usd: 6 } })
    expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 6, free: 94 })
    await checkLedger(world)
  }
})

test('a month that begins inside the overlap holds both keys within the cap of the new month', async () => {
  const { world, keyId } = await overlapped(24, 'monthly')
  await using _ = world
  const [old, fresh] = held(world)
  await world.setClock(new Date('2026-11-30T20:00:00Z'))
  await endOldKey(world.ctx, actorOf(world, keyId), 'a later one')
  await world.letSettle()
  await world.sweep()
  expect(await overlap(world, keyId, 24)).toEqual({ kind: 'asked' })
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  await world.moveClock(61_000)
  await world.read()
  await world.apply(keyId)
  expect(old!.disabled).toBe(true)
  const third = held(world)[2]!
  expect([fresh!.cap, fresh!.reset, third.cap, third.reset]).toEqual([
    usd(7),
    null,
    usd(7),
    'monthly',
  ])
  await world.setClock(new Date('2026-12-01T00:02:00Z'))
  await rollMonths(world.ctx)
  await world.sweep()
  await checkLedger(world)
  // What the old key may still use is held in December, and the new one has the rest.
  expect(third.cap).toBe(usd(13))
  world.service.use(fresh!.id, usd(100))
  world.service.use(third.id, usd(100))
  await world.read()
  expect(await balance(world)).toMatchObject({ committed: 0, spent: 20, free: 80 })
  await checkLedger(world)
  await world.moveClock(day)
  await world.sweep()
  await world.letSettle()
  expect(fresh!.disabled).toBe(true)
  await checkLedger(world)
})

test('a cap that is lowered inside the overlap lowers the part of the old key, too', async () => {
  const { world, keyId } = await overlapped()
  await using _ = world
  const [old, fresh] = held(world)
  expect(
    await changeCap(world.ctx, actorOf(world, keyId), { cap: usd(8), reason: 'less' }),
  ).toEqual({ kind: 'asked' })
  await world.apply(keyId)
  await world.moveClock(61_000)
  await world.read()
  await world.apply(keyId)
  expect([old!.cap, fresh!.cap]).toEqual([usd(7), usd(1)])
  expect(await balance(world)).toEqual({ allocated: 100, committed: 2, spent: 6, free: 92 })
  await checkLedger(world)
})

test('where the service forgets a total at its reset, a monthly key is replaced at once only', async () => {
  await using world = await oneMember(100)
  const keyId = await made(world, { cap: 20, reset: 'monthly' })
  const once = await made(world, { cap: 20 })
  Object.assign(world.service.capabilities, { keepsTotal: false })
  expect((await viewOf(world, keyId)).mayOverlap).toBe(false)
  expect(await overlap(world, keyId)).toMatchObject({ reason: 'no-overlap' })
  expect(await overlap(world, once)).toEqual({ kind: 'asked' })
  Object.assign(world.service.capabilities, { rotation: false })
  expect(await overlap(world, keyId)).toMatchObject({ reason: 'not-replaceable' })
})

/** The steps that call the service. After each of all five every job is lost, as when a process is killed. */
const steps = ['lower', 'make', 'disable'] as const
const dyings: MemoryFault[] = ['crash-before', 'crash-after', 'cut-after', 'rejected']

/** The process dies, or the call fails, in one of the steps; then everything goes on as the sweep finds it. */
for (const step of steps)
  for (const fault of dyings)
    test(`killed or failed (${fault}) at the step “${step}”: within the money, and settled in the end`, async () => {
      await using world = await oneMember(100)
      const keyId = await made(world, { cap: 20 })
      await use(world, keyId, 6)
      const at = async (name: string, run: () => Promise<unknown>) => {
        let left = name === step ? 1 : 0
        world.service.nextFault = () => (left-- > 0 ? fault : 'none')
        await run().catch((error: unknown) => {
          if (!(error instanceof Crash)) throw error
        })
        world.service.nextFault = () => 'none'
        await world.db.$executeRaw`delete from pgboss.job`
        await checkLedger(world)
        await world.moveClock(16_000)
        const most = held(world).reduce((sum, key) => sum + world.service.left(key) + key.usage, 0n)
        expect(most, name).toBeLessThanOrEqual(usd(20) + 2_000n)
      }
      await at('ask', () => overlap(world, keyId, 1))
      await at('lower', () => world.sweep())
      await world.sweep()
      await at('make', () => world.mint(keyId))
      for (let tries = 0; tries < 3; tries++) {
        await world.read()
        await world.mint(keyId)
      }
      await world.moveClock(61_000)
      await world.read()
      await world.sweep()
      await at('end', () => world.expire())
      await world.moveClock(hour)
      await at('disable', () => world.sweep())
      await world.moveClock(12 * 60_000)
      await world.letSettle()
      await world.sweep()
      await checkLedger(world)
      const live = held(world).filter((key) => !key.deleted && world.service.left(key) > 0n)
      expect(live).toHaveLength(1)
      expect(live[0]!.usage + world.service.left(live[0]!), 'nothing is lost').toBeGreaterThan(
        usd(13),
      )
      expect(await balance(world)).toEqual({ allocated: 100, committed: 14, spent: 6, free: 80 })
    })
