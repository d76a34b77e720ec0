/** Revoked with the right to claim again, and claimed at once: one key's cap, one spendable key. */
import { expect, test } from 'vitest'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import { claimKey } from '~/domain/claim/claim.server'
import { bulkKinds } from '~/domain/staff/kinds.server'
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
import { letSettle, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'

const claimAgain = (world: World, claim: { person: Parameters<typeof claimKey>[1]['person'] }) =>
  claimKey(world.ctx, { workshopSlug: 'test-workshop', person: claim.person, optIn: false })

test('claimed again before the last reading: the cap is one person’s, and the pool is not passed', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(2.5) })] })
  const [claim] = await readyClaims(world, 1)
  await spend(world, claim!.hash, 1.5)
  await act(world, { kind: 'revoke', mayClaimAgain: true }, [claim!])
  await spend(world, claim!.hash, 0.5)
  expect((await claimAgain(world, claim!)).kind).toBe('queued')
  await work(world)
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(2.5)
  expect(await worstUpstream(world, claim!)).toBeLessThanOrEqual(2.000002)
  await letSettle(world)
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(2.5)
  await act(world, { kind: 'revoke', mayClaimAgain: true }, [claim!])
  expect(await claimAgain(world, claim!)).toMatchObject({ kind: 'refused', reason: 'spent' })
  await expectPoolToAddUp(world)
})

test('claimed again while the old key cannot be disabled: that one goes off later, the new one stays', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: '503' }] })
  const bulkId = await startAction(
    world,
    { kind: 'revoke', mayClaimAgain: true },
    { claimIds: [claim!.claimId] },
  )
  expect(await runBulk(world.ctx, bulkId, bulkKinds)).toMatchObject({ kind: 'snooze' })
  expect((await claimAgain(world, claim!)).kind).toBe('queued')
  await mintAll(world)
  expect(await world.liveKeys(), 'the old key may still be spent').toHaveLength(1)
  await world.clearFaults()
  expect(await runToEnd(world, bulkId)).toMatchObject({ done: 1, failed: 0 })
  await work(world)
  const now = await claimRow(world, claim!)
  expect(now).toMatchObject({ state: 'ready', generation: 2 })
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
  expect((await world.ctx.provider.findKey(now.orKeyHash!))?.disabled).toBe(false)
})
