/**
 * Limits and switches: the provider and the pool agree after every crash, and the pool is never
 * passed.
 */
import { expect, test } from 'vitest'
import {
  act,
  claimRow,
  expectPoolToAddUp,
  poolNow,
  readyClaims,
  runToEnd,
  spend,
  startAction,
  worstUpstream,
} from '../../../tests/claims'
import { readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'
import { bulkKinds } from '~/domain/staff/kinds.server'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import { previewMessage } from '~/components/staff/act-messages'
import { previewClaimAction } from '~/domain/claim/claim-actions.server'
import { claimKey } from '~/domain/claim/claim.server'
import { applyKey } from '~/domain/keys/apply.server'
import { findClaimView } from '~/domain/claim/claim-view.server'

const slug = 'test-workshop'

test('raising reserves, changes the key and shows on its page; the guardrail stays above it', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(20) })] })
  const [claim] = await readyClaims(world, 1)
  expect(await act(world, { kind: 'set-limit', limit: usd(5) }, [claim!])).toMatchObject({
    done: 1,
  })
  expect((await world.ctx.provider.findKey(claim!.hash))?.limit).toBe(usd(5))
  expect(await poolNow(world)).toEqual({ committed: 5, seats: 1 })
  const view = await findClaimView(world.ctx, { workshopSlug: slug, userId: claim!.userId })
  expect(view?.key?.limit.usd).toBe(5)
  expect(await act(world, { kind: 'set-limit', limit: usd(19) }, [claim!])).toMatchObject({
    done: 1,
  })
  const [guardrail] = await world.ctx.provider.listGuardrails()
  expect(guardrail?.limitUsd).toBeGreaterThanOrEqual(usd(19))
  await expectPoolToAddUp(world)
  const events = await world.db.auditEvent.findMany({
    where: { subject: `claim:${claim!.claimId}`, action: 'claim.limit-changed' },
  })
  expect(events).toHaveLength(2)
  expect(events[0]).toMatchObject({
    actor: 'user:github:staff',
    details: { fromUsd: '2.000000000', toUsd: '5.000000000', reason: 'a test' },
  })
})

test('a guardrail whose budget a raised limit would pass follows before the key is raised', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ poolLimit: null, maxKeys: 10 })],
  })
  const [claim] = await readyClaims(world, 1)
  expect((await world.ctx.provider.listGuardrails())[0]?.limitUsd).toBe(usd(2))
  await act(world, { kind: 'set-limit', limit: usd(7) }, [claim!])
  expect((await world.ctx.provider.listGuardrails())[0]?.limitUsd).toBe(usd(7))
})

test('lowering gives money back only when the provider has confirmed, and never goes below what is used', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 0.7)
  await readAll(world)
  expect(
    (await act(world, { kind: 'set-limit', limit: usd(0.5) }, [claim!])).results[0],
  ).toMatchObject({ state: 'skipped' })
  expect(await poolNow(world)).toMatchObject({ committed: 2 })
  const bulkId = await startAction(
    world,
    { kind: 'set-limit', limit: usd(1) },
    { claimIds: [claim!.claimId] },
  )
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: 'reset-after', times: 1 }] })
  expect(await runBulk(world.ctx, bulkId, bulkKinds)).toMatchObject({ kind: 'snooze' })
  const { id } = await world.db.key.findFirstOrThrow()
  expect(await applyKey(world.ctx, id)).toMatchObject({ kind: 'snooze' })
  // Done upstream, unknown here: all of it is still reserved.
  expect((await world.ctx.provider.findKey(claim!.hash))?.limit).toBe(usd(1))
  expect(await poolNow(world)).toMatchObject({ committed: 2 })
  expect(await runToEnd(world, bulkId)).toMatchObject({ done: 1 })
  expect(await poolNow(world)).toMatchObject({ committed: 1 })
  await expectPoolToAddUp(world)
})

test('a raise whose answer is lost, and one while upstream is down, end raised and reserved once', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(100) })] })
  const claims = await readyClaims(world, 6)
  await world.faults({
    seed: 3,
    rules: [
      { match: 'PATCH /keys/*', fault: 'reset-after', times: 3 },
      { match: 'PATCH /keys/*', fault: '500', times: 2 },
      { match: 'PATCH /keys/*', fault: '429', times: 2, retryAfterSeconds: 1 },
    ],
  })
  expect(await act(world, { kind: 'set-limit', limit: usd(3) }, claims)).toMatchObject({
    done: 6,
    failed: 0,
  })
  for (const claim of claims)
    expect((await world.ctx.provider.findKey(claim.hash))?.limit).toBe(usd(3))
  expect(await poolNow(world)).toMatchObject({ committed: 18 })
  await expectPoolToAddUp(world)
  const keys = await world.db.key.findMany()
  expect(keys.filter((key) => key.revision !== key.seenRevision)).toEqual([])
})

test('a raise that the provider refuses gives its reservation back', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await world.faults({
    rules: [{ match: 'PATCH /keys/*', fault: 'refuse', status: 400, times: 1 }],
  })
  expect(await act(world, { kind: 'set-limit', limit: usd(5) }, [claim!])).toMatchObject({
    failed: 1,
  })
  expect(await poolNow(world)).toMatchObject({ committed: 2 })
  expect((await claimRow(world, claim!)).limitUsd.toNumber()).toBe(2)
  await expectPoolToAddUp(world)
})

test('raises race with claims and the pool is never passed', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(60) })] })
  const claims = await readyClaims(world, 12)
  const people = await world.people(20)
  const bulkId = await startAction(
    world,
    { kind: 'set-limit', limit: usd(5) },
    { claimIds: claims.map((claim) => claim.claimId) },
  )
  await Promise.all([
    runToEnd(world, bulkId),
    runToEnd(world, bulkId),
    ...people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  ])
  const pool = await poolNow(world)
  expect(pool.committed).toBeLessThanOrEqual(60)
  await expectPoolToAddUp(world)
  for (const claim of claims)
    expect(await worstUpstream(world, claim)).toBeLessThanOrEqual(
      (await claimRow(world, claim)).committedUsd.toNumber(),
    )
})

test('a daily limit is reserved for every window until the end', async () => {
  const expiresAt = new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000 + 2 * 86_400_000)
  await using world = await openWorld({
    workshops: [
      makeWorkshop({ keyLimitReset: 'daily', keyExpiresAt: expiresAt, poolLimit: usd(9) }),
    ],
  })
  const [claim] = await readyClaims(world, 1)
  expect(await poolNow(world)).toMatchObject({ committed: 6 })
  expect(await act(world, { kind: 'set-limit', limit: usd(4) }, [claim!])).toMatchObject({
    failed: 1,
  })
  expect(await act(world, { kind: 'set-limit', limit: usd(3) }, [claim!])).toMatchObject({
    done: 1,
  })
  expect(await poolNow(world)).toMatchObject({ committed: 9 })
  expect(await act(world, { kind: 'set-limit', limit: usd(1) }, [claim!])).toMatchObject({
    done: 1,
  })
  expect(await poolNow(world)).toMatchObject({ committed: 3 })
})

test('a preview says how many fit into the pool and what becomes of the others, and that happens', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(12) })] })
  const claims = await readyClaims(world, 4)
  const action = { kind: 'set-limit', limit: usd(3.5) } as const
  const previewed = async (limit = action.limit) => {
    const change = { ...action, limit }
    const preview = await previewClaimAction(world.ctx, {
      workshopSlug: slug,
      action: change,
      selection: { filter: {} },
    })
    return previewMessage(change, preview)
  }
  expect(await previewed()).toBe(
    'A limit of $3.50 for 4 keys would reserve $6.00 more of the pool. ' +
      'The pool of $12.00 has room for 2 of them ($3.00), first claimed first; ' +
      'the other 2 keep their limit.',
  )
  expect(await previewed(usd(9))).toContain(
    'The pool of $12.00 has no room for any of them, so nothing would change.',
  )
  expect(await act(world, action, claims)).toMatchObject({ done: 2, failed: 2 })
  await expectPoolToAddUp(world)
})

// The page says who disabled it.
test('disabled and enabled: the row changes at once, the provider follows when it can', async () => {
  await using world = await openWorld()
  const [claim, other] = await readyClaims(world, 2)
  await world.faults({
    rules: [
      { match: 'PATCH /keys/*', fault: '503', times: 1 },
      { match: 'PATCH /keys/*', fault: 'reset-after', times: 1 },
    ],
  })
  const bulkId = await startAction(world, { kind: 'disable' }, { filter: { state: 'ready' } })
  expect(await runToEnd(world, bulkId)).toMatchObject({ done: 2 })
  for (const each of [claim!, other!])
    expect((await world.ctx.provider.findKey(each.hash))?.disabled).toBe(true)
  const view = await findClaimView(world.ctx, { workshopSlug: slug, userId: claim!.userId })
  expect(view?.key).toMatchObject({ disabled: true, disabledByOrganiser: true })
  expect(await world.db.auditEvent.findFirst({ where: { action: 'bulk.started' } })).toMatchObject({
    details: { selection: { filter: { state: 'ready' } }, count: 2 },
  })
  expect(await act(world, { kind: 'enable' }, [claim!])).toMatchObject({ done: 1 })
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(false)
  expect(
    (await findClaimView(world.ctx, { workshopSlug: slug, userId: claim!.userId }))?.key,
  ).toMatchObject({ disabled: false })
  expect(await world.db.auditEvent.count({ where: { action: 'claim.disabled' } })).toBe(2)
  expect(await poolNow(world)).toMatchObject({ committed: 4 })
})
