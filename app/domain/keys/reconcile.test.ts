/**
 * Reconcile deletes what is provably ours and condemned, and nothing else, whatever else lies in
 * the account.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { openWorld, type World } from '../../../tests/world'
import { deploymentAccount, openAccount } from './accounts.server'
import { listAccount, readAccount } from './read-account.server'

const slug = 'test-workshop'

async function mintOne(world: World) {
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await runMint(
    world.ctx,
    (await world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })).id,
  )
  return world.db.workshopAttendance.findFirstOrThrow({ where: { userId: person!.userId } })
}

/** One pass over the list of the deployment's own account. */
async function pass(world: World, options: { dryRun?: boolean } = {}) {
  const account = await openAccount(world.ctx, deploymentAccount)
  return listAccount(world.ctx, account!, { signal: AbortSignal.timeout(60_000), ...options })
}

const createUpstream = (world: World, body: object) =>
  world.call('/__sim/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const namesUpstream = async (world: World) =>
  (await listAllKeys(world.ctx.provider)).map((key) => key.name)

/** Attempts of ours whose answers were lost, with their keys upstream. */
async function orphans(world: World, count: number): Promise<string[]> {
  const mint = await world.db.mint.findFirstOrThrow()
  const rows = Array.from({ length: count }, () => crypto.randomUUID()).map((id) => ({
    id,
    mintId: mint.id,
    token: crypto.randomUUID(),
    name: `km/${world.ctx.installationId}/${slug}/${id}`,
    state: 'unknown',
  }))
  await world.db.mintAttempt.createMany({ data: rows })
  await createUpstream(world, { keys: rows.map(({ name }) => ({ name, limit: 2 })) })
  return rows.map((row) => row.name)
}

test('of more than two hundred keys in the account only our orphans go, and a dry run has said which', async () => {
  await using world = await openWorld()
  const claim = await mintOne(world)
  const foreign = [
    'somebody else',
    'km/',
    `km/ffffffffffff/${slug}/${crypto.randomUUID()}`,
    `KM/${world.ctx.installationId}/x`,
    `wk/km/${world.ctx.installationId}/x`,
  ]
  await createUpstream(world, { keys: foreign.map((name) => ({ name })) })
  await createUpstream(world, { prefix: 'bulk-', count: 120 })
  const lost = await orphans(world, 110)
  const unexplained = `km/${world.ctx.installationId}/${slug}/${crypto.randomUUID()}`
  await createUpstream(world, { keys: [{ name: unexplained }] })

  const before = await namesUpstream(world)
  const dry = await pass(world, { dryRun: true })
  expect(dry).toEqual({
    // The first page is read once more at the end.
    listed: before.length + 100,
    read: 1,
    orphansDeleted: 110,
    orphansLeft: 0,
    missing: 0,
    unreadable: 0,
    unexplained: [unexplained],
  })
  expect(await namesUpstream(world)).toEqual(before)
  expect(await world.db.mintAttempt.count({ where: { state: 'condemned' } })).toBe(0)

  const { listed: _listed, ...found } = dry
  expect(await pass(world)).toMatchObject(found)
  const left = await namesUpstream(world)
  expect(left).toHaveLength(before.length - lost.length)
  expect(left).toEqual(expect.arrayContaining([...foreign, unexplained]))
  expect((await world.liveKeys()).map((key) => key.hash)).toContain(claim.orKeyHash)
  expect(await pass(world)).toMatchObject({ orphansDeleted: 0, unexplained: [unexplained] })
})

test('a delete that the provider does not confirm is reported, and done by the next pass', async () => {
  await using world = await openWorld()
  await mintOne(world)
  await orphans(world, 1)
  await world.faults({ rules: [{ match: 'DELETE /keys/*', fault: '500' }] })
  expect(await pass(world)).toMatchObject({ orphansDeleted: 0, orphansLeft: 1 })
  await world.clearFaults()
  expect(await pass(world)).toMatchObject({ orphansDeleted: 1, orphansLeft: 0 })
})

test('a list that cannot be read whole deletes nothing', async () => {
  await using world = await openWorld()
  await mintOne(world)
  await orphans(world, 3)
  await world.faults({ rules: [{ match: 'GET /keys', fault: 'unreadable', times: 1 }] })
  expect(await readAccount(world.ctx, deploymentAccount)).toMatchObject({
    kind: 'done',
    error: { reason: 'unreadable-answer' },
  })
  expect(await world.liveKeys()).toHaveLength(4)
  expect(await world.db.account.findFirstOrThrow()).toMatchObject({
    readError: { reason: 'unreadable-answer' },
    readFailedAt: expect.any(Date) as Date,
  })
})

test('a row whose key was deleted upstream is marked, and its claim keeps everything else', async () => {
  await using world = await openWorld()
  const claim = await mintOne(world)
  await world.db.$executeRaw`update keymint.keys set saved_at = now() - interval '1 min'`
  await world.ctx.provider.deleteKey(claim.orKeyHash!)
  await pass(world, { dryRun: true })
  expect((await world.db.workshopAttendance.findFirstOrThrow()).upstreamMissingAt).toBeNull()
  expect(await pass(world)).toMatchObject({ missing: 1 })
  expect(await world.db.workshopAttendance.findFirstOrThrow()).toMatchObject({
    state: 'ready',
    orKeyHash: claim.orKeyHash,
    upstreamMissingAt: expect.any(Date) as Date,
  })
})
