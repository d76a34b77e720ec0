/**
 * New keys in the place of old ones: one current key each, and old and new together never above
 * what was reserved.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import { bulkKinds } from '~/domain/staff/kinds.server'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import { previewClaimAction, startClaimAction } from '~/domain/claim/claim-actions.server'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { replaceOwnKey } from '~/domain/claim/replace-key.server'
import { sweep } from '~/domain/operations/sweep.server'
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
  worstUpstream,
} from '../../../tests/claims'
import { applyAll, letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'

const slug = 'test-workshop'
const day = 86_400_000
const later = () => new Date(Date.now() + 3 * day)

test('a replaced key is off at once, the new one has what is left, and the pool holds the same as before', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(2) })] })
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.5)
  expect(await act(world, { kind: 're-issue' }, [claim!])).toMatchObject({ done: 1 })
  const old = await world.ctx.provider.findKey(claim!.hash)
  expect(old).toMatchObject({ disabled: true, limitReset: null })
  expect(old!.limit).toBeLessThanOrEqual(usd(0.5))
  expect(await claimRow(world, claim!)).toMatchObject({
    state: 'pending',
    generation: 2,
    orKeyPlaintext: null,
  })
  await mintAll(world)
  const now = await claimRow(world, claim!)
  expect(now.state).toBe('ready')
  expect(now.limitUsd.toNumber()).toBe(2)
  // What the old one has used is not known for certain yet.
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(1_000n)
  expect(await worstUpstream(world, claim!)).toBeLessThanOrEqual(2)
  await travel(world, 31_000)
  await readAll(world)
  await travel(world, 31_000)
  await readAll(world)
  await work(world)
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(usd(1.5))
  expect((await claimRow(world, claim!)).priorUsageUsd.toNumber()).toBe(0.5)
  expect(await poolNow(world)).toEqual({ committed: 2, seats: 1 })
  expect(await worstUpstream(world, claim!)).toBe(2)
  await expectPoolToAddUp(world)
  // A request that was in flight is charged when it is read, and taken from what the new key may use.
  await spend(world, claim!.hash, 0.02)
  await letSettle(world)
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(usd(1.48))
  expect(await poolNow(world)).toEqual({ committed: 2, seats: 1 })
  // Where nothing is left that it could be taken from, it is charged on top.
  await spend(world, now.orKeyHash!, 1.48)
  await spend(world, claim!.hash, 0.03)
  await travel(world, 61 * 60_000)
  await readAll(world)
  await readAll(world)
  expect((await poolNow(world)).committed).toBeCloseTo(2.03, 5)
  await expectPoolToAddUp(world)
})

test('answers that are lost during a replacement change nothing about how it ends', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(24) })] })
  const claims = await readyClaims(world, 12)
  for (const [index, claim] of claims.entries()) await spend(world, claim.hash, index / 10)
  await world.faults({
    seed: 5,
    rules: [
      { match: 'PATCH /keys/*', fault: 'reset-after', rate: 0.3 },
      { match: 'GET /keys/*', fault: '503', rate: 0.2 },
      { match: 'PATCH /keys/*', fault: '429', rate: 0.1, retryAfterSeconds: 1 },
    ],
  })
  const bulkId = await startAction(world, { kind: 're-issue' }, { filter: {} })
  const [bulk] = await Promise.all([runToEnd(world, bulkId), runToEnd(world, bulkId)])
  expect(bulk).toMatchObject({ done: 12, failed: 0, skipped: 0 })
  await world.clearFaults()
  await work(world)
  for (const claim of claims) {
    expect(await claimRow(world, claim)).toMatchObject({ state: 'ready', generation: 2 })
    expect(await worstUpstream(world, claim)).toBeLessThanOrEqual(2)
  }
  expect(await poolNow(world)).toEqual({ committed: 24, seats: 12 })
  await letSettle(world)
  for (const claim of claims) expect(await worstUpstream(world, claim)).toBeCloseTo(2, 9)
  expect(await poolNow(world)).toEqual({ committed: 24, seats: 12 })
  expect(await world.db.key.count({ where: { settledAt: { not: null } } })).toBe(12)
  await expectPoolToAddUp(world)
})

test('while its old key cannot be disabled, no new one is made; then it is deleted instead', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: '503' }] })
  const bulkId = await startAction(world, { kind: 're-issue' }, { claimIds: [claim!.claimId] })
  await runBulk(world.ctx, bulkId, bulkKinds)
  for (let tries = 0; tries < 3; tries++) {
    await applyAll(world)
    await mintAll(world)
    expect(await claimRow(world, claim!)).toMatchObject({ state: 'pending', generation: 2 })
    expect((await world.liveKeys()).map((key) => key.hash)).toEqual([claim!.hash])
  }
  expect(
    (await findClaimView(world.ctx, { workshopSlug: slug, userId: claim!.userId }))?.state,
  ).toBe('pending')
  await work(world)
  const now = await claimRow(world, claim!)
  expect(now).toMatchObject({ state: 'ready', generation: 2 })
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([now.orKeyHash])
})

// Old and new keys together stay within what was reserved.
test('everybody is extended: one current key each', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(60) })] })
  const claims = await readyClaims(world, 30)
  for (const [index, claim] of claims.entries()) await spend(world, claim.hash, (index % 10) / 10)
  await readAll(world)
  const expiresAt = later()
  await world.faults({
    seed: 9,
    rules: [{ match: 'PATCH /keys/*', fault: 'reset-after', rate: 0.2 }],
  })
  const bulk = await runToEnd(
    world,
    await startAction(world, { kind: 'extend', expiresAt }, { filter: { state: 'ready' } }),
  )
  expect(bulk).toMatchObject({ done: 30, failed: 0, skipped: 0 })
  await world.clearFaults()
  const [waiting] = claims
  expect(
    (await findClaimView(world.ctx, { workshopSlug: slug, userId: waiting!.userId }))?.formerKey,
  ).toMatchObject({ left: { usd: 0.1 }, until: null })
  await work(world)
  const keys = await listAllKeys(world.ctx.provider)
  expect(
    keys.filter((key) => !key.disabled && key.expiresAt?.getTime() === expiresAt.getTime()),
  ).toHaveLength(30)
  for (const claim of claims) {
    const now = await claimRow(world, claim)
    expect(now).toMatchObject({ state: 'ready', generation: 2 })
    expect(now.expiresAt).toEqual(expiresAt)
    expect(await worstUpstream(world, claim)).toBeLessThanOrEqual(2)
    expect(now.committedUsd.toNumber()).toBe(2)
    const view = await findClaimView(world.ctx, { workshopSlug: slug, userId: claim.userId })
    expect(view?.formerKey?.label).toBe(claim.keyLabel)
    expect(view?.formerKey?.until).not.toBeNull()
  }
  expect(await poolNow(world)).toEqual({ committed: 60, seats: 30 })
  await expectPoolToAddUp(world)
  // The grace time is over: the old ones go off, settle, and the new ones have what they did not use.
  expect(await sweep(world.ctx)).toMatchObject({ retired: 0 })
  await travel(world, 31 * 60_000)
  expect(await sweep(world.ctx)).toMatchObject({ retired: 30 })
  await work(world)
  for (const claim of claims)
    expect((await world.ctx.provider.findKey(claim.hash))?.disabled).toBe(true)
  expect(
    (await findClaimView(world.ctx, { workshopSlug: slug, userId: waiting!.userId }))?.formerKey,
  ).toBeNull()
  await letSettle(world)
  expect(await world.db.key.count({ where: { generation: 1, settledAt: null } })).toBe(0)
  for (const [index, claim] of claims.entries()) {
    const { orKeyHash } = await claimRow(world, claim)
    expect((await world.ctx.provider.findKey(orKeyHash!))?.limit).toBe(usd(2 - (index % 10) / 10))
  }
  expect(await poolNow(world)).toEqual({ committed: 60, seats: 30 })
  await expectPoolToAddUp(world)
}, 120_000)

// What does not fit is refused with a reason and changes nothing.
test('a longer time of a daily key is reserved first', async () => {
  const midnight = Math.ceil(Date.now() / day) * day
  await using world = await openWorld({
    workshops: [
      makeWorkshop({
        keyLimitReset: 'daily',
        keyExpiresAt: new Date(midnight + day),
        poolLimit: usd(14),
      }),
    ],
  })
  const claims = await readyClaims(world, 2)
  for (const { hash } of claims) await spend(world, hash, 0.5)
  await readAll(world)
  expect(await poolNow(world)).toMatchObject({ committed: 8 })
  const expiresAt = new Date(midnight + 3 * day)
  const preview = await previewClaimAction(world.ctx, {
    workshopSlug: slug,
    action: { kind: 'extend', expiresAt },
    selection: { filter: {} },
  })
  expect(preview).toMatchObject({
    count: 2,
    fitting: 2,
    covered: 1,
    coveredAmount: { usd: 4 },
    difference: { amount: { usd: 8 }, frees: false },
    pool: { before: { usd: 8 }, after: { usd: 12 }, limit: { usd: 14 } },
  })
  expect(await act(world, { kind: 'extend', expiresAt }, claims)).toMatchObject({
    done: 1,
    failed: 1,
  })
  // Which of the two it is, nobody promises: an action works through its claims in no fixed order.
  const rows = await Promise.all(claims.map((claim) => claimRow(world, claim)))
  expect(rows).toContainEqual(expect.objectContaining({ state: 'ready', generation: 1 }))
  const first = claims[rows.findIndex(({ generation }) => generation === 2)]
  await mintAll(world)
  const now = await claimRow(world, first!)
  // What the old one has spent of today is not known for certain yet.
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(1_000n)
  await travel(world, 61_000)
  await readAll(world)
  await work(world)
  // Today the new key may use what the old one has left of today, less the grace amount; from
  // tomorrow on all of it.
  const grace = 0.1
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(usd(2 - 0.5 - grace))
  expect(now.committedUsd.toNumber()).toBeLessThanOrEqual(8)
  expect(
    (await findClaimView(world.ctx, { workshopSlug: slug, userId: first!.userId }))?.key?.limit.usd,
  ).toBe(2)
  await expectPoolToAddUp(world)
  // A new day, for the provider, too, and the grace time is over at whatever hour this runs.
  const toTomorrow = midnight - Date.now() + 40 * 60_000
  await world.call('/__sim/clock', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ offsetMs: toTomorrow }),
  })
  await travel(world, toTomorrow)
  const { retired, limitsRestored } = await sweep(world.ctx)
  expect(retired + limitsRestored).toBeGreaterThan(0)
  // Its old key is off by then, and has spent nothing of this day.
  await letSettle(world)
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.limit).toBe(usd(2))
  expect(await sweep(world.ctx)).toMatchObject({ limitsRestored: 0 })
})

test('revoking an extended claim stops its old key, too', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await act(world, { kind: 'extend', expiresAt: later() }, [claim!])
  await act(world, { kind: 'revoke', mayClaimAgain: false }, [claim!])
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
  await mintAll(world)
  expect((await listAllKeys(world.ctx.provider)).filter((key) => !key.disabled)).toEqual([])
  await expectPoolToAddUp(world)
})

test('an attendee replaces a leaked key, once in ten minutes, and only a live one', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const owner = { workshopSlug: slug, userId: claim!.userId }
  await spend(world, claim!.hash, 0.5)
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () => replaceOwnKey(world.ctx, owner)),
  )
  expect(outcomes.filter((outcome) => outcome.kind === 'started')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome.kind === 'too-soon')).toHaveLength(4)
  await runToEnd(world, (await world.db.bulkAction.findFirstOrThrow()).id)
  expect(await replaceOwnKey(world.ctx, owner)).toEqual({ kind: 'no-key' })
  await mintAll(world)
  expect(await claimRow(world, claim!)).toMatchObject({ state: 'ready', generation: 2 })
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
  expect(await replaceOwnKey(world.ctx, owner)).toMatchObject({ kind: 'too-soon', minutes: 10 })
  expect(
    await world.db.auditEvent.findFirst({ where: { action: 'claim.re-issued' } }),
  ).toMatchObject({ actor: `user:${claim!.userId}` })
  await letSettle(world)
  const { orKeyHash } = await claimRow(world, claim!)
  expect((await world.ctx.provider.findKey(orKeyHash!))?.limit).toBe(usd(1.5))
  await expectPoolToAddUp(world)
})

// Not the end that a key claimed now would have.
test('a replacement that is on its way shows the end of the key that it replaces', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ keyExpiresAt: null, keyExpiresInMs: 7 * day })],
  })
  const [claim] = await readyClaims(world, 1)
  await travel(world, day)
  await replaceOwnKey(world.ctx, { workshopSlug: slug, userId: claim!.userId })
  await runToEnd(world, (await world.db.bulkAction.findFirstOrThrow()).id)
  expect(
    await findClaimView(world.ctx, { workshopSlug: slug, userId: claim!.userId }),
  ).toMatchObject({ state: 'pending', key: null, expiresAt: claim!.expiresAt.toISOString() })
})

test('keys with nothing left, disabled, waiting or ended are skipped with a message', async () => {
  await using world = await openWorld()
  const [spent, off, ended, missing] = await readyClaims(world, 4)
  await spend(world, spent!.hash, 2)
  await readAll(world)
  await act(world, { kind: 'disable' }, [off!])
  await act(world, { kind: 'revoke', mayClaimAgain: false }, [ended!])
  await world.ctx.provider.deleteKey(missing!.hash)
  const bulk = await act(world, { kind: 're-issue' }, [spent!, off!, ended!, missing!])
  expect(bulk).toMatchObject({ done: 1, skipped: 3 })
  expect(
    new Set(
      bulk.results.filter((result) => result.state === 'skipped').map((result) => result.detail),
    ).size,
  ).toBe(3)
  await mintAll(world)
  expect(await claimRow(world, missing!)).toMatchObject({ state: 'ready', generation: 2 })
  await expectPoolToAddUp(world)
})

test('an action needs a reason, a selection and something sensible to do', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const start = (change: object) =>
    startClaimAction(world.ctx, {
      actorUserId: 'github:staff',
      workshopSlug: slug,
      action: { kind: 're-issue' },
      selection: { claimIds: [claim!.claimId] },
      reason: 'why not',
      ...change,
    })
  for (const change of [
    { reason: ' ' },
    { selection: { claimIds: [] } },
    { selection: { filter: { text: 'nobody has this name' } } },
    { action: { kind: 'set-limit', limit: 0n } },
    { action: { kind: 'extend', expiresAt: new Date(0) } },
    { workshopSlug: 'another' },
  ])
    expect((await start(change)).kind, Object.keys(change).join()).toBe('refused')
  expect(await world.db.bulkAction.count()).toBe(0)
  expect(
    await start({ selection: { filter: { text: claim!.claimId.slice(0, 8) } } }),
  ).toMatchObject({ kind: 'started', count: 1 })
})
