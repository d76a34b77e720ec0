/**
 * Taking back: at once here, confirmed upstream, settled by a later reading; and nobody keeps a key
 * that nobody should have.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import type { ServiceAdapter } from '~/adapters/service-adapter'
import { banPerson, unbanPerson } from '~/domain/people/ban.server'
import { startSession } from '~/domain/people/session.server'
import { bulkKinds } from '~/domain/staff/kinds.server'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { revealKey } from '~/domain/claim/reveal.server'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { runMint } from '~/domain/keys/mint.server'
import { sweep } from '~/domain/operations/sweep.server'
import { endWorkshop } from '~/domain/claim/end-workshop.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import {
  act,
  claimRow,
  expectPoolToAddUp,
  mintAll,
  poolNow,
  readyClaims,
  runToEnd,
  spend,
  startAction,
} from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'

const slug = 'test-workshop'
const claimAgain = (world: World, claim: { person: Parameters<typeof claimKey>[1]['person'] }) =>
  claimKey(world.ctx, { workshopSlug: slug, person: claim.person, optIn: false })

test('a revoked key is gone here at once, off upstream, and its money comes back after the last reading', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.25)
  expect(await act(world, { kind: 'revoke', mayClaimAgain: false }, [claim!])).toMatchObject({
    done: 1,
  })
  expect(await claimRow(world, claim!)).toMatchObject({
    state: 'ended',
    reason: 'revoked',
    orKeyPlaintext: null,
    upstreamDisabled: true,
  })
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
  expect(await revealKey(world.ctx, { workshopSlug: slug, userId: claim!.userId })).toEqual({
    kind: 'no-key',
  })
  await readAll(world)
  expect(await poolNow(world)).toEqual({ committed: 2, seats: 1 })
  await letSettle(world)
  expect(await poolNow(world)).toEqual({ committed: 0.25, seats: 0 })
  await expectPoolToAddUp(world)
  expect(await claimAgain(world, claim!)).toMatchObject({ kind: 'already-claimed' })
  expect((await claimRow(world, claim!)).state).toBe('ended')
  expect(await world.db.auditEvent.findFirst({ where: { action: 'claim.revoked' } })).toMatchObject(
    { actor: 'user:github:staff', details: { reason: 'a test', mayClaimAgain: false } },
  )
})

// No money comes back before the provider has confirmed.
test('with upstream down the right ends at once, and the job waits', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: '503' }] })
  const bulkId = await startAction(
    world,
    { kind: 'revoke', mayClaimAgain: false },
    { claimIds: [claim!.claimId] },
  )
  expect(await runBulk(world.ctx, bulkId, bulkKinds)).toMatchObject({ kind: 'snooze' })
  expect(await claimRow(world, claim!)).toMatchObject({
    state: 'ended',
    orKeyPlaintext: null,
    disableConfirmedAt: null,
  })
  await travel(world, 10 * 60_000)
  await readAll(world)
  expect(await poolNow(world)).toMatchObject({ committed: 2 })
  await world.clearFaults()
  expect(await runToEnd(world, bulkId)).toMatchObject({ done: 1, failed: 0 })
  expect((await claimRow(world, claim!)).disableConfirmedAt).not.toBeNull()
})

test('an ended key that nobody has confirmed off is found by the sweep', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await giveBack(world.ctx, claim!)
  await world.db.$executeRaw`delete from pgboss.job`
  expect(await sweep(world.ctx)).toMatchObject({ appliesSentAgain: 1 })
  await world.startWorkerHere()
  await expect
    .poll(async () => (await world.ctx.provider.findKey(claim!.hash))?.disabled, {
      timeout: 20_000,
    })
    .toBe(true)
  await expect
    .poll(async () => (await claimRow(world, claim!)).disableConfirmedAt, { timeout: 20_000 })
    .not.toBeNull()
  expect(await sweep(world.ctx)).toMatchObject({ appliesSentAgain: 0 })
})

// The pool pays for both keys, and both stay within the cap.
test("revoked with the right to claim again: the next click makes the same row's next key", async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(2.5) })] })
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.25)
  await act(world, { kind: 'revoke', mayClaimAgain: true }, [claim!])
  expect(
    (await findClaimView(world.ctx, { workshopSlug: slug, userId: claim!.userId }))?.claimAgain
      ?.now,
  ).toBe(true)
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => claimAgain(world, claim!)))
  expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(1)
  await work(world)
  expect(await claimRow(world, claim!)).toMatchObject({
    state: 'ready',
    generation: 2,
    mayClaimAgain: false,
  })
  expect((await poolNow(world)).committed).toBeCloseTo(2, 5)
  expect((await poolNow(world)).seats).toBe(1)
  await expectPoolToAddUp(world)
  const live = (await listAllKeys(world.ctx.provider)).filter((key) => !key.disabled)
  expect(live).toHaveLength(1)
  // The old one settles by its own later readings; what it had left of the cap is the new one's.
  await letSettle(world)
  const now = await claimRow(world, claim!)
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(usd(1.75))
  expect((await poolNow(world)).committed).toBe(2)
  // Spent after that, it is charged, and taken from what the new key may use.
  await spend(world, claim!.hash, 0.1)
  await travel(world, 61 * 60_000)
  await readAll(world)
  await work(world)
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(usd(1.65))
  expect(await poolNow(world)).toEqual({ committed: 2, seats: 1 })
  await expectPoolToAddUp(world)
})

test('a claim that is revoked while its key is being made leaves no key', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  const mint = await world.db.mint.findFirstOrThrow()
  const adapter = world.ctx.services.get('openrouter')!
  const revokedMeanwhile: ServiceAdapter = {
    ...adapter,
    createKey: async (credential, input) => {
      const created = await adapter.createKey(credential, input)
      expect(await act(world, { kind: 'revoke', mayClaimAgain: false }, [claim])).toMatchObject({
        done: 1,
      })
      return created
    },
  }
  const services = new Map(world.ctx.services).set('openrouter', revokedMeanwhile)
  await runMint({ ...world.ctx, services }, mint.id)
  expect(await world.liveKeys()).toEqual([])
  expect(await claimRow(world, claim)).toMatchObject({
    state: 'ended',
    reason: 'revoked',
    orKeyHash: null,
  })
  expect(await world.db.mint.findFirstOrThrow()).toMatchObject({ state: 'cancelled' })
  expect(await poolNow(world)).toEqual({ committed: 0, seats: 0 })
  expect(await runMint(world.ctx, mint.id)).toEqual({ kind: 'done' })
  expect(await world.liveKeys()).toEqual([])
})

test('switching on, revoking and raising the same key at once ends with it off', async () => {
  await using world = await openWorld()
  const claims = await readyClaims(world, 4)
  const claimIds = claims.map((claim) => claim.claimId)
  await act(world, { kind: 'disable' }, claims)
  const bulkIds = await Promise.all([
    startAction(world, { kind: 'enable' }, { claimIds }),
    startAction(world, { kind: 'set-limit', limit: usd(3) }, { claimIds }),
    startAction(world, { kind: 'revoke', mayClaimAgain: false }, { claimIds }),
  ])
  await world.faults({
    latencyMs: 30,
    jitterMs: 60,
    rules: [{ match: 'PATCH /keys/*', fault: 'reset-after', rate: 0.3 }],
  })
  await Promise.all(bulkIds.map((bulkId) => runToEnd(world, bulkId)))
  for (const claim of claims)
    expect((await world.ctx.provider.findKey(claim.hash))?.disabled).toBe(true)
  await work(world)
  expect(await world.db.key.count({ where: { closedAt: null } })).toBe(0)
  await expectPoolToAddUp(world)
})

test('a workshop that is ended takes no claim, whatever its file says, and every key is taken back', async () => {
  await using world = await openWorld()
  const claims = await readyClaims(world, 5)
  const late = await world.people(10)
  const [ended, ...outcomes] = await Promise.all([
    endWorkshop(world.ctx, { slug, actorUserId: 'github:staff', reason: 'fire alarm' }),
    ...late.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  ])
  if (ended.kind !== 'ended' || ended.bulkId === null) throw new Error('not ended')
  expect(await runToEnd(world, ended.bulkId)).toMatchObject({ failed: 0, skipped: 0 })
  expect(
    outcomes.every(
      (outcome) =>
        outcome.kind === 'queued' || (outcome.kind === 'refused' && outcome.reason === 'ended'),
    ),
  ).toBe(true)
  expect(await world.db.workshopAttendance.count({ where: { state: { not: 'ended' } } })).toBe(0)
  expect(await world.db.workshopAttendance.count({ where: { reason: 'closed' } })).toBe(ended.count)
  for (const claim of claims)
    expect((await world.ctx.provider.findKey(claim.hash))?.disabled).toBe(true)
  expect(
    await claimKey(world.ctx, {
      workshopSlug: slug,
      person: (await world.people(1))[0]!,
      optIn: false,
    }),
  ).toEqual({ kind: 'refused', reason: 'ended' })
  const view = await findWorkshopView(world.ctx, slug)
  expect(view).toMatchObject({ window: 'closed' })
  expect(
    await endWorkshop(world.ctx, { slug, actorUserId: 'github:staff', reason: 'again' }),
  ).toMatchObject({ kind: 'ended-already' })
  await expectPoolToAddUp(world)
})

test('a workshop without a claim can be ended, too', async () => {
  await using world = await openWorld()
  expect(
    await endWorkshop(world.ctx, { slug, actorUserId: 'github:staff', reason: 'called off' }),
  ).toEqual({ kind: 'ended', bulkId: null, count: 0 })
  expect(
    await claimKey(world.ctx, {
      workshopSlug: slug,
      person: (await world.people(1))[0]!,
      optIn: false,
    }),
  ).toEqual({ kind: 'refused', reason: 'ended' })
})

// A claim in the same moment gets no key.
test('a barred person loses sessions and keys, and keeps row and reason', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop(), makeWorkshop({ slug: 'second' })],
  })
  const [claim] = await readyClaims(world, 1)
  await startSession(world.ctx, { userId: claim!.userId, provider: 'github', userAgent: null })
  const [banned] = await Promise.all([
    banPerson(world.ctx, {
      userId: claim!.userId,
      reason: 'sold the key',
      actorUserId: 'github:staff',
    }),
    claimKey(world.ctx, { workshopSlug: 'second', person: claim!.person, optIn: false }),
  ])
  if (banned.kind !== 'banned' || banned.bulkId === null) throw new Error('not banned')
  await runToEnd(world, banned.bulkId)
  await mintAll(world)
  expect((await listAllKeys(world.ctx.provider)).filter((key) => !key.disabled)).toEqual([])
  expect(
    await world.db.workshopAttendance.count({ where: { state: { in: ['ready', 'pending'] } } }),
  ).toBe(0)
  expect(await world.db.session.count({ where: { endedAt: null } })).toBe(0)
  expect(
    await world.db.attendee.findUniqueOrThrow({ where: { userId: claim!.userId } }),
  ).toMatchObject({ banReason: 'sold the key' })
  expect(
    await banPerson(world.ctx, {
      userId: claim!.userId,
      reason: 'again',
      actorUserId: 'github:staff',
    }),
  ).toEqual({ kind: 'banned-already' })
  expect(
    await unbanPerson(world.ctx, {
      userId: claim!.userId,
      reason: 'a mistake',
      actorUserId: 'github:staff',
    }),
  ).toBe(true)
  expect(
    (
      await world.db.auditEvent.findMany({
        where: { subject: `user:${claim!.userId}`, action: { startsWith: 'person.' } },
        orderBy: { id: 'asc' },
      })
    ).map((event) => event.action),
  ).toEqual(['person.banned', 'person.unbanned'])
})

// For the key of an ended claim and for a replaced one.
test('what is read after the settling is charged once', async () => {
  await using world = await openWorld()
  const [ended, replaced] = await readyClaims(world, 2)
  await act(world, { kind: 'revoke', mayClaimAgain: false }, [ended!])
  await act(world, { kind: 're-issue' }, [replaced!])
  await letSettle(world)
  expect(await world.db.key.count({ where: { settledAt: { not: null } } })).toBe(2)
  expect(await poolNow(world)).toEqual({ committed: 2, seats: 1 })
  await spend(world, ended!.hash, 0.3)
  await spend(world, replaced!.hash, 0.2)
  for (let times = 0; times < 2; times++) {
    await travel(world, 61 * 60_000)
    await readAll(world)
    await work(world)
    // The replaced one's comes out of the cap that its successor shares with it.
    expect((await poolNow(world)).committed).toBeCloseTo(2.3, 9)
    const { orKeyHash } = await claimRow(world, replaced!)
    expect((await world.ctx.provider.findKey(orKeyHash!))?.limit).toBe(usd(1.8))
  }
  await expectPoolToAddUp(world)
})
