/**
 * Checks and fixes as rows: who may start which, what a failing provider leaves behind, and what
 * the page is given.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, withService, type World } from '../../../tests/world'
import { seedClaims } from '../../../tests/seed-claims'
import { sweep } from '../operations/sweep.server'
import { readReconcileView } from '../staff/reconcile-page.server'
import { planReconcile } from './reconcile.server'
import { askForCheck, askForFix, runCheck, runFix, deleteOldRuns } from './reconcile-runs.server'

const slug = 'test-workshop'
const open = () => openWorld({ workshops: [makeWorkshop()] })

async function checked(world: World): Promise<string> {
  const { runId } = await askForCheck(world.ctx, 'operator')
  await runCheck(world.ctx, runId)
  return runId
}

async function disableAll(world: World, hashes: string[]) {
  for (const hash of hashes) await world.ctx.provider.updateKey(hash, { disabled: true })
}

const disabledUpstream = async (world: World) =>
  (await listAllKeys(world.ctx.provider)).filter((key) => key.disabled).length
const jobs = async (world: World, name: string) =>
  (
    await world.db.$queryRaw<{ count: number }[]>`
      select count(*)::int as count from pgboss.job where name = ${name}
        and state in ('created', 'retry', 'active')`
  )[0]!.count

test('a second press joins the check under way, and one that found nothing says so', async () => {
  await using world = await open()
  await seedClaims(world, slug, 2)
  const asked = await Promise.all([1, 2, 3].map(() => askForCheck(world.ctx, 'operator')))
  expect(new Set(asked.map((one) => one.runId)).size).toBe(1)
  expect(asked.filter((one) => one.kind === 'started')).toHaveLength(1)
  await runCheck(world.ctx, asked[0]!.runId)
  const view = await readReconcileView(world.ctx)
  expect(view.check).toMatchObject({ upstreamKeys: 2, ourKeys: 2, groups: [], open: 0 })
  expect(view).toMatchObject({
    failedSince: null,
    running: [],
    history: [{ kind: 'check', state: 'done', total: 0, actor: 'operator' }],
  })
})

// What was known before stays on the page.
test('a provider that cannot be read ends the check with the reason', async () => {
  await using world = await open()
  const [claim] = await seedClaims(world, slug, 1)
  await disableAll(world, [claim!.hash])
  const first = await checked(world)
  await world.faults({
    rules: [{ match: 'GET /guardrails/*', fault: '503', message: 'down for repairs' }],
  })
  await checked(world)
  const view = await readReconcileView(world.ctx)
  expect(view.failedSince?.reason).toContain('down for repairs')
  expect(view.check).toMatchObject({ id: first, open: 1, repairable: 1 })
  await world.clearFaults()
  await checked(world)
  expect((await readReconcileView(world.ctx)).failedSince).toBeNull()
})

// Two fixes do not run at once.
test('a fix belongs to the check that was on the page: a newer one makes it void', async () => {
  await using world = await open()
  const claims = await seedClaims(world, slug, 3)
  await disableAll(
    world,
    claims.map(({ hash }) => hash),
  )
  const first = await checked(world)
  const second = await checked(world)
  expect(await askForFix(world.ctx, { actor: 'operator', checkId: first, select: 'all' })).toEqual({
    kind: 'superseded',
  })
  const { groups } = (await readReconcileView(world.ctx)).check!
  const one = await askForFix(world.ctx, {
    actor: 'operator',
    checkId: second,
    select: { ids: [groups[0]!.rows[0]!.id] },
  })
  expect(one).toMatchObject({ kind: 'started', count: 1 })
  expect(
    await askForFix(world.ctx, {
      actor: 'operator',
      checkId: second,
      select: { kind: 'disabled' },
    }),
  ).toEqual({ kind: 'already-running' })
  expect((await readReconcileView(world.ctx)).running).toMatchObject([{ kind: 'fix', total: 1 }])
  if (one.kind === 'started') await runFix(world.ctx, one.runId)
  expect(await disabledUpstream(world)).toBe(2)
  expect(
    await askForFix(world.ctx, { actor: 'operator', checkId: second, select: { kind: 'orphan' } }),
  ).toEqual({ kind: 'nothing-to-do' })
  expect(await world.db.reconcileRun.count({ where: { kind: 'fix' } })).toBe(1)
})

test('what agrees by the time of the fix is left alone, also when what is wanted has changed meanwhile', async () => {
  await using world = await open()
  const [healed, changed, busy] = await seedClaims(world, slug, 3)
  for (const claim of [healed!, changed!, busy!])
    await world.ctx.provider.updateKey(claim.hash, { limit: 5_000_000_000n })
  const checkId = await checked(world)
  await world.ctx.provider.updateKey(healed!.hash, { limit: 2_000_000_000n })
  await world.db.workshopAttendance.update({
    where: { claimId: changed!.claimId },
    data: { limitUsd: '3' },
  })
  await world.db.key.update({ where: { id: changed!.keyId }, data: { limitUsd: '3' } })
  await world.db.key.update({ where: { id: busy!.keyId }, data: { revision: 2 } })
  const asked = await askForFix(world.ctx, { actor: 'operator', checkId, select: 'all' })
  await world.call('/__sim/calls', { method: 'DELETE' })
  if (asked.kind === 'started') await runFix(world.ctx, asked.runId)
  expect(
    (await world.db.reconcileDrift.findMany({ where: { runId: checkId } })).map(
      (drift) => drift.state,
    ),
  ).toEqual(['moot', 'moot', 'moot'])
  expect(Object.keys(await world.calls())).toEqual(['GET /keys/{hash}'])
  // While a change of the staff is under way, its claim is not judged at all.
  expect((await planReconcile(world.ctx)).drifts.map((drift) => drift.keyHash)).toEqual([
    changed!.hash,
  ])
})

test('a fix whose provider fails tells each reason, waits after five in a row, and goes on where it was', async () => {
  await using world = await open()
  const claims = await seedClaims(world, slug, 8)
  await disableAll(
    world,
    claims.map(({ hash }) => hash),
  )
  const checkId = await checked(world)
  const asked = await askForFix(world.ctx, { actor: 'operator', checkId, select: 'all' })
  if (asked.kind !== 'started') throw new Error(asked.kind)
  await world.faults({
    rules: [{ match: 'PATCH /keys/*', fault: '429', message: 'slow down', times: 5 }],
  })
  expect(await runFix(world.ctx, asked.runId)).toMatchObject({ kind: 'snooze', seconds: 15 })
  expect((await readReconcileView(world.ctx)).running).toMatchObject([
    { total: 8, failed: 5, fixed: 0, error: expect.stringContaining('slow down') as string },
  ])
  expect(await runFix(world.ctx, asked.runId)).toEqual({ kind: 'done' })
  expect((await readReconcileView(world.ctx)).history[0]).toMatchObject({
    kind: 'fix',
    state: 'done',
    failed: 5,
    fixed: 3,
    error: null,
  })
  const rows = (await readReconcileView(world.ctx)).check!.groups[0]!
  expect([rows.total, rows.open, rows.repairable]).toEqual([8, 5, 5])
  expect(rows.rows[0]).toMatchObject({
    state: 'failed',
    detail: expect.stringContaining('slow down') as string,
  })
  const repeated = await askForFix(world.ctx, { actor: 'operator', checkId, select: 'all' })
  if (repeated.kind === 'started') await runFix(world.ctx, repeated.runId)
  expect(await disabledUpstream(world)).toBe(0)
})

test('a save that wins against a fix keeps its key', async () => {
  await using world = await open()
  const [claim] = await seedClaims(world, slug, 1)
  const { attemptId } = claim!
  await world.db
    .$executeRaw`alter table keymint.mint_attempts disable trigger hold_attempt_transition`
  await world.db.$executeRaw`
      update keymint.mint_attempts set state = 'unknown', key_hash = null where id = ${attemptId}::uuid`
  await world.db.$executeRaw`
    update keymint.keys set attempt_id = null, hash = null, sealed = null, saved_at = null,
      off_ended_at = now()`
  await world.db.$executeRaw`
    update keymint.workshop_attendance set state = 'ended', reason = 'closed', ended_at = now()`
  const checkId = await checked(world)
  expect((await readReconcileView(world.ctx)).check?.groups.map((group) => group.kind)).toEqual([
    'orphan',
  ])
  await world.db.$executeRaw`
      update keymint.mint_attempts set state = 'saved', key_hash = ${claim!.hash} where id = ${attemptId}::uuid`
  const asked = await askForFix(world.ctx, { actor: 'operator', checkId, select: 'all' })
  if (asked.kind === 'started') await runFix(world.ctx, asked.runId)
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([claim!.hash])
})

test('a worker carries out both, and the sweep gives a run that lost its job another one', async () => {
  await using world = await open()
  const claims = await seedClaims(world, slug, 4)
  await disableAll(
    world,
    claims.map(({ hash }) => hash),
  )
  const { runId } = await askForCheck(world.ctx, 'operator')
  await world.db.$executeRaw`delete from pgboss.job where name = 'reconcile-check'`
  await sweep(world.ctx)
  expect(await jobs(world, 'reconcile-check')).toBe(0)
  await world.db.$executeRaw`update keymint.reconcile_runs set asked_at = now() - interval '10 s'`
  await sweep(world.ctx)
  await sweep(world.ctx)
  expect(await jobs(world, 'reconcile-check')).toBe(1)
  await world.startWorkerHere()
  await expect
    .poll(async () => (await readReconcileView(world.ctx)).check?.open, { timeout: 20_000 })
    .toBe(4)
  await askForFix(world.ctx, { actor: 'operator', checkId: runId, select: 'all' })
  await expect
    .poll(async () => (await readReconcileView(world.ctx)).check?.open, { timeout: 20_000 })
    .toBe(0)
  expect(await disabledUpstream(world)).toBe(0)
})

test('a check that nobody finishes ends with a reason, and old ones that led to nothing are forgotten', async () => {
  await using world = await open()
  await seedClaims(world, slug, 1)
  await askForCheck(world.ctx, 'operator')
  await world.db.$executeRaw`update keymint.reconcile_runs set asked_at = now() - interval '20 min'`
  await sweep(world.ctx)
  expect((await readReconcileView(world.ctx)).failedSince?.reason).toContain(
    'did not come to an end',
  )
  await checked(world)
  await world.db.$executeRaw`
      update keymint.reconcile_runs
        set asked_at = asked_at - interval '40 days', finished_at = finished_at - interval '40 days'`
  expect(await deleteOldRuns(world.ctx)).toBe(1)
  expect((await readReconcileView(world.ctx)).check).not.toBeNull()
})

test('a fix that fails for a reason of ours is said to, and the others are carried out', async () => {
  await using world = await open()
  const claims = await seedClaims(world, slug, 2)
  await disableAll(
    world,
    claims.map(({ hash }) => hash),
  )
  const checkId = await checked(world)
  const asked = await askForFix(world.ctx, { actor: 'operator', checkId, select: 'all' })
  let calls = 0
  const broken = withService(world.ctx, (real) => ({
    changeKey: (...args) =>
      calls++ === 0 ? Promise.reject(new TypeError('a bug of ours')) : real.changeKey(...args),
  }))
  if (asked.kind === 'started') expect(await runFix(broken, asked.runId)).toEqual({ kind: 'done' })
  expect(
    (
      await world.db.reconcileDrift.findMany({
        where: { runId: checkId },
        orderBy: { position: 'asc' },
      })
    ).map((drift) => drift.state),
  ).toEqual(['failed', 'fixed'])
  expect(await disabledUpstream(world)).toBe(1)
})
