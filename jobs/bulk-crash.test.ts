/** Bulk actions and crashes: a worker that is killed in the middle leaves nothing half done. */
import { listAllKeys } from '~/adapters/key-provider'
import type { ChildProcess } from 'node:child_process'
import { expect, test } from 'vitest'
import { readBulk } from '~/domain/bulk/bulk.server'
import {
  claimRow,
  expectPoolToAddUp,
  poolNow,
  readyClaims,
  spend,
  startAction,
  worstUpstream,
} from '../tests/claims'
import { letSettle, readAll } from '../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../tests/world'

const kill = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

async function killInTheMiddle(world: World, worker: ChildProcess, bulkId: string, total: number) {
  await expect
    .poll(() => world.db.bulkActionItem.count({ where: { bulkId, state: 'done' } }), {
      timeout: 30_000,
      interval: 20,
    })
    .toBeGreaterThan(2)
  await kill(worker)
  expect(await world.db.bulkActionItem.count({ where: { bulkId, state: 'done' } })).toBeLessThan(
    total,
  )
}

const finished = (world: World, bulkId: string) =>
  expect
    .poll(async () => (await readBulk(world.ctx, bulkId))?.state, {
      timeout: 90_000,
      interval: 200,
    })
    .toBe('done')

test('killed while raising and replacing forty keys: each is raised and replaced once, the pool is exact', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(120) })] })
  const claims = await readyClaims(world, 40)
  const claimIds = claims.map((claim) => claim.claimId)
  await world.faults({ latencyMs: 40 })
  const first = await world.spawnWorker()
  const raise = await startAction(world, { kind: 'set-limit', limit: usd(3) }, { claimIds })
  await killInTheMiddle(world, first, raise, 40)
  const second = await world.spawnWorker()
  await finished(world, raise)
  expect(await readBulk(world.ctx, raise)).toMatchObject({ done: 40, failed: 0, skipped: 0 })
  for (const claim of claims)
    expect((await world.ctx.provider.findKey(claim.hash))?.limit).toBe(usd(3))
  expect(await poolNow(world)).toEqual({ committed: 120, seats: 40 })

  await spend(world, claims[0]!.hash, 1)
  const replace = await startAction(world, { kind: 're-issue' }, { claimIds })
  await killInTheMiddle(world, second, replace, 40)
  await world.spawnWorker()
  await finished(world, replace)
  expect(await readBulk(world.ctx, replace)).toMatchObject({ done: 40, failed: 0, skipped: 0 })
  await expect
    .poll(() => world.db.workshopAttendance.count({ where: { state: 'ready', generation: 2 } }), {
      timeout: 40_000,
      interval: 200,
    })
    .toBe(40)
  // What a killed worker had made and nobody could save is reconcile's to remove.
  await readAll(world)
  const live = (await listAllKeys(world.ctx.provider)).filter((key) => !key.disabled)
  expect(live).toHaveLength(40)
  for (const claim of claims.slice(0, 5)) {
    expect(live.some((key) => key.hash === claim.hash)).toBe(false)
    expect(await worstUpstream(world, claim)).toBeLessThanOrEqual(3)
  }
  expect(await poolNow(world)).toEqual({ committed: 120, seats: 40 })
  await expectPoolToAddUp(world)
  // What the old keys left of each cap is the new ones', once it is known.
  await letSettle(world)
  for (const claim of claims.slice(0, 5)) expect(await worstUpstream(world, claim)).toBe(3)
  const { orKeyHash } = await claimRow(world, claims[0]!)
  expect((await world.ctx.provider.findKey(orKeyHash!))?.limit).toBe(usd(2))
  expect(await poolNow(world)).toEqual({ committed: 120, seats: 40 })
  await expectPoolToAddUp(world)
}, 240_000)
