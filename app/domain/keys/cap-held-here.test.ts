/** A cap that the service does not know: Keymint reads, stops, tells, and switches on again. */
import { expect, test } from 'vitest'
import { ProviderError } from '~/adapters/provider-error'
import { changeCap, provisionSubKey, rotateSubKey } from '~/domain/team/sub-key.server'
import { readForecasts } from '~/domain/team/forecasts.server'
import { findSubKey } from '~/domain/team/sub-key-view.server'
import { balance, day, made, oneMember, ref, usd, use } from '../../../tests/ledger'
import { MeteredService } from '../../../tests/metered-service'
import type { TeamWorld } from '../../../tests/team'
import { recordPlainReadings } from './plain-readings.server'
import { stopAtCap } from './wake.server'

const open = (options: ConstructorParameters<typeof MeteredService>[1], budget = 10) =>
  oneMember(budget, { service: (now) => new MeteredService(now, options) })
const viewOf = async (world: TeamWorld, keyId: string) =>
  (await findSubKey(world.ctx, world.teamId, keyId))!
const held = async (world: TeamWorld, keyId: string) =>
  world.service.keys.get((await world.row(keyId)).keyHash!)!
const actorOf = (world: TeamWorld, keyId: string) => ({ ...ref(world), keyId })

/** Time for the next reading, and what follows from it. */
async function nextReading(world: TeamWorld, ms = 60_000) {
  await world.moveClock(ms)
  await world.read()
  await world.sweep()
}

test('a key that has reached its cap is off after the next reading, and on again after a raise', async () => {
  await using world = await open({ end: 'disable' })
  const keyId = await made(world, { cap: 2 })
  await use(world, keyId, 1.5)
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(false)
  expect(await viewOf(world, keyId)).toMatchObject({ phase: 'ready', cappedAt: null })

  await use(world, keyId, 0.75)
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(true)
  const view = await viewOf(world, keyId)
  expect(view.cappedAt).not.toBeNull()
  // The crossing was served before it was seen: it is charged, and nothing beyond is set aside.
  expect(await balance(world)).toMatchObject({ spent: 2.25, committed: 0, free: 7.75 })
  const calls = world.service.calls
  await nextReading(world)
  // It is left alone: nothing asks the service again and again.
  expect(world.service.calls - calls).toBeLessThanOrEqual(2)

  expect(
    await changeCap(world.ctx, actorOf(world, keyId), { cap: usd(2.2), reason: 'a test' }),
  ).toMatchObject({ kind: 'refused', reason: 'below-used' })
  expect(
    await changeCap(world.ctx, actorOf(world, keyId), { cap: usd(4), reason: 'a test' }),
  ).toEqual({ kind: 'asked' })
  await world.sweep()
  expect((await held(world, keyId)).disabled).toBe(false)
  expect(await viewOf(world, keyId)).toMatchObject({ phase: 'ready', cappedAt: null })
  expect(await balance(world)).toMatchObject({ spent: 2.25, committed: 1.75, free: 6 })
  const actions = (await world.db.auditEvent.findMany({ orderBy: { id: 'asc' } })).map(
    ({ action }) => action,
  )
  expect(actions).toEqual(
    expect.arrayContaining([
      'key.cap-reached',
      'key.disabled',
      'sub-key.cap-changed',
      'key.enabled',
    ]),
  )
})

test('a key whose usage cannot be read for a quarter of an hour is off until it can', async () => {
  await using world = await open({ end: 'disable' })
  const keyId = await made(world, { cap: 2 })
  await nextReading(world)
  const find = world.service.findKey.bind(world.service)
  world.service.findKey = () =>
    Promise.reject(
      new ProviderError({ call: 'find', kind: 'retryable', reason: 'unauthorized', status: 403 }),
    )
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(false)
  await nextReading(world, 16 * 60_000)
  expect((await held(world, keyId)).disabled).toBe(true)
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(true)
  world.service.findKey = find
  await nextReading(world)
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(false)
})

test('a key with a cap that Keymint holds is never read together with others', async () => {
  await using world = await open({ end: 'disable' })
  const keyId = await made(world, { cap: 2 })
  await nextReading(world)
  await use(world, keyId, 2.5)
  const row = await world.keyRow(keyId)
  const seen = await world.service.findKey({ secret: 'memory', baseUrl: null }, row.hash!)
  const reading = { keyId: row.id, holderKind: 'sub-key', holderId: keyId }
  // Even one that shows the limit as it is wanted.
  const shown = { ...seen!, cap: usd(2), reset: null }
  const kept = await recordPlainReadings(world.ctx, [{ ...reading, seen: shown }], world.ctx.now())
  expect([...kept]).toEqual([])
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(true)
})

test('the note of a reading comes back at the next, and a lost disable is sent again', async () => {
  await using world = await open({ end: 'disable' })
  const service = world.service as MeteredService
  const keyId = await made(world, { cap: 1 })
  await nextReading(world)
  await nextReading(world)
  expect(service.notes.slice(0, 2)).toEqual(['begun', 'read 1'])
  await use(world, keyId, 1)
  service.nextFault = () => 'cut-before'
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(false)
  service.nextFault = () => 'none'
  await nextReading(world)
  expect((await held(world, keyId)).disabled).toBe(true)
})

test('a key that costs by the hour ends at the second that follows from its cap, and is deleted', async () => {
  await using world = await open({ end: 'delete', perHour: usd(1) })
  const keyId = await made(world, { cap: 2 })
  const row = await world.keyRow(keyId)
  // Two hours at 1 USD, less two minutes in which stopping takes effect.
  expect(row.capDueAt!.getTime() - row.savedAt!.getTime()).toBe((120 - 2) * 60_000)
  const team = { teamId: world.teamId, userId: null }
  expect(await readForecasts(world.ctx, team), 'what runs out soon').toMatchObject([
    { id: keyId, because: 'hourly', at: row.capDueAt!.toISOString(), perHour: { usd: 1 } },
  ])
  expect(await stopAtCap(world.ctx, row.id)).toMatchObject({ kind: 'snooze', seconds: 118 * 60 })
  for (let minute = 0; minute < 117; minute += 39) await nextReading(world, 39 * 60_000)
  expect(await viewOf(world, keyId)).toMatchObject({ phase: 'ready' })
  await world.moveClock(60_000)
  expect(await stopAtCap(world.ctx, row.id)).toEqual({ kind: 'done' })
  await world.sweep()
  expect((await held(world, keyId)).deleted).toBe(true)
  expect(await viewOf(world, keyId)).toMatchObject({ reason: 'spent' })
  await world.moveClock(8 * 60_000)
  await world.read()
  const { spent, committed, free } = await balance(world)
  expect(spent).toBeGreaterThan(1.9)
  expect(spent).toBeLessThanOrEqual(2)
  expect(committed).toBe(0)
  expect(free).toBeCloseTo(10 - spent, 9)
  expect((await viewOf(world, keyId)).phase).toBe('ended')
})

test('a raise moves the second, and without a job the sweep is behind it', async () => {
  await using world = await open({ end: 'delete', perHour: usd(1) })
  const keyId = await made(world, { cap: 2 })
  await changeCap(world.ctx, actorOf(world, keyId), { cap: usd(3), reason: 'a test' })
  await world.sweep()
  const row = await world.keyRow(keyId)
  expect(row.capDueAt!.getTime() - row.savedAt!.getTime()).toBe((180 - 2) * 60_000)
  await world.moveClock(177 * 60_000)
  await world.sweep()
  expect((await held(world, keyId)).deleted).toBe(false)
  await world.moveClock(60_000)
  await world.sweep()
  expect((await held(world, keyId)).deleted).toBe(true)
})

test('what Keymint ends at its expiry is off there, and what cannot be replaced is refused', async () => {
  await using world = await open({ end: 'disable' })
  const keyId = await made(world, { cap: 2, lifeMs: day })
  expect((await world.keyRow(keyId)).expiryEchoed).toBe(false)
  expect(await rotateSubKey(world.ctx, actorOf(world, keyId), 'a test')).toMatchObject({
    reason: 'not-replaceable',
  })
  await world.moveClock(day + 1_000)
  await world.sweep()
  expect((await held(world, keyId)).disabled).toBe(true)
  await world.letSettle()
  expect(await balance(world)).toMatchObject({ spent: 0, committed: 0, free: 10 })
})

test('an option that the service does not declare is not offered', async () => {
  await using world = await open({ end: 'disable' })

  const wish = {
    ...ref(world),
    masterKeyId: world.masterKeyId,
    purpose: 'a test',
    cap: usd(1),
    reset: null,
    expiresAt: new Date(world.ctx.now().getTime() + day),
    models: [],
  }
  const unknown: Record<string, string>[] = [{ size: 'xl' }, { colour: 'red' }]
  for (const options of unknown)
    expect(await provisionSubKey(world.ctx, { ...wish, options })).toEqual({
      kind: 'refused',
      reason: 'not-offered',
    })
  const outcome = await provisionSubKey(world.ctx, wish)
  expect(outcome.kind).toBe('queued')
  if (outcome.kind !== 'queued') return
  expect((await viewOf(world, outcome.keyId)).chosen).toEqual([{ label: 'Size', value: 'Small' }])
})
