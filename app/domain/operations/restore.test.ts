/** A database that comes back from a backup. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import { createSealer } from '~/adapters/sealing.server'
import { createSendingQueue } from '~/adapters/queue.server'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { applyKey } from '~/domain/keys/apply.server'
import { keyPlace } from '~/domain/keys/mint-attempt.server'
import { runMint } from '~/domain/keys/mint.server'
import { deploymentAccount, openAccount } from '~/domain/keys/accounts.server'
import { listAccount } from '~/domain/keys/read-account.server'
import { planReconcile } from '~/domain/keys/reconcile.server'
import { sweep } from '~/domain/operations/sweep.server'
import { openWorld, type World } from '../../../tests/world'
import { restore } from '../../../prisma/restore'
import { emptyDatabase } from '../../../tests/database'
import { backupFileName, makeBackup } from './backup.server'
import { listFormerKeys, renewInstallation } from './installation.server'

const slug = 'test-workshop'

async function claimFor(world: World, count: number) {
  const people = await world.people(count)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  return people
}

async function mintAllOf(ctx: World['ctx']) {
  for (const { id } of await ctx.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(ctx, id)
}

/** A backup of a database in use. `into` restores it into a new database of the same server. */
async function backUp(world: World) {
  const folder = await mkdtemp(path.join(tmpdir(), 'keymint-backup-'))
  world.onClose(() => rm(folder, { recursive: true, force: true }))
  const file = path.join(folder, backupFileName(world.ctx.now(), false))
  await makeBackup(world.database.url, file, [])
  return {
    async into(formerKeys: 'adopt' | 'leave') {
      const url = await emptyDatabase(world)
      return { url, ...(await restore(url, file, { formerKeys, identities: [] })) }
    },
  }
}

async function countsOf(db: World['db']) {
  const tables = await db.$queryRaw<{ name: string }[]>`
    select schemaname || '.' || tablename as name from pg_tables where schemaname = 'keymint'
      and tablename not in ('audit_events', 'pace_leases')
      or (schemaname = 'pgboss' and tablename in ('job_common', 'queue', 'schedule')) order by 1`
  return Promise.all(
    tables.map(async ({ name }) => [
      name,
      (
        await db.$queryRawUnsafe<{ count: number }[]>(`select count(*)::int as count from ${name}`)
      )[0]?.count,
    ]),
  )
}

/**
 * What a process would be on the restored database: its own connections, and the id it reads there.
 */
async function ctxOn(world: World, url: string): Promise<World['ctx']> {
  const db = createDb(url, { max: 5, applicationName: 'restored' })
  const queue = await createSendingQueue(url, {
    onError: () => undefined,
    onWarning: () => undefined,
  })
  world.onClose(async () => {
    await queue.stop()
    await db.$disconnect()
  })
  return { ...world.ctx, db, queue, installationId: (await db.installation.findFirstOrThrow()).id }
}

const readList = async (ctx: World['ctx']) =>
  listAccount(ctx, (await openAccount(ctx, deploymentAccount))!, {
    signal: AbortSignal.timeout(30_000),
  })

test('a restored database opens every key, mints what waited once, and leaves later keys to a person', async () => {
  await using world = await openWorld()
  await claimFor(world, 3)
  await mintAllOf(world.ctx)
  const held = await world.db.workshopAttendance.findMany({ where: { state: 'ready' } })
  const waiting = await claimFor(world, 2)
  const counts = await countsOf(world.db)
  const backup = await backUp(world)

  // After the backup: the two who waited got their keys, and then the database was lost.
  await expect
    .poll(() =>
      mintAllOf(world.ctx).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
  expect(await world.liveKeys()).toHaveLength(5)

  const { url, previousId, hasJobs } = await backup.into('adopt')
  expect({ previousId, hasJobs }).toEqual({ previousId: world.ctx.installationId, hasJobs: true })
  const db = createDb(url, { max: 2, applicationName: 'restored' })
  world.onClose(() => db.$disconnect())
  expect(await countsOf(db)).toEqual(counts)
  expect(
    await db.auditEvent.findFirst({ where: { action: 'installation.renewed' } }),
  ).toMatchObject({ actor: 'operator', details: { previousId: world.ctx.installationId } })

  const restored = await ctxOn(world, url)
  expect(restored.installationId).not.toBe(world.ctx.installationId)
  const former = await listFormerKeys(restored, world.ctx.installationId)
  expect(former.filter((key) => key.held)).toHaveLength(3)
  expect(former.filter((key) => !key.held)).toHaveLength(2)
  const sealer = createSealer([world.encryptionKey])
  const keys = await restored.db.key.findMany({ where: { savedAt: { not: null } } })
  for (const key of keys)
    expect(sealer.unseal(key.sealed!, keyPlace(key.id, key.generation))).toMatch(/^sk-or-v1-/)
  expect(keys).toHaveLength(3)

  await sweep(restored)
  await mintAllOf(restored)
  await mintAllOf(restored)
  await restored.db
    .$executeRaw`update keymint.mint_attempts set sent_at = sent_at - interval '10 minutes'`
  expect(await readList(restored)).toMatchObject({
    listed: 7,
    read: 5,
    orphansDeleted: 0,
    orphansLeft: 0,
    unexplained: [],
    missing: 0,
  })
  const after = await restored.db.workshopAttendance.findMany({ where: { state: 'ready' } })
  expect(after).toHaveLength(5)
  for (const claim of held)
    expect(
      after.find((one) => one.claimId === claim.claimId)?.orKeyHash,
      'a key from before the backup is not made again',
    ).toBe(claim.orKeyHash)
  const upstream = await world.call<{ keys: { name: string }[] }>('/__sim/keys')
  expect(
    upstream.keys.filter(({ name }) => name.startsWith(`km/${restored.installationId}/`)),
    'one key for each who waited',
  ).toHaveLength(waiting.length)
  expect(upstream.keys, 'nothing upstream was deleted').toHaveLength(7)
  expect(await world.call<{ live: number }>('/__sim/keys')).toMatchObject({ live: 7 })
})

test('a copy leaves the keys of the database that lives on, whatever its own rows say', async () => {
  await using world = await openWorld()
  const [person] = await claimFor(world, 1)
  await mintAllOf(world.ctx)
  const { url } = await (await backUp(world)).into('leave')
  const copy = await ctxOn(world, url)
  const claim = await copy.db.workshopAttendance.findFirstOrThrow()
  await giveBack(copy, { claimId: claim.claimId, userId: person!.userId })
  const { id } = await copy.db.key.findFirstOrThrow()
  expect(await applyKey(copy, id)).toEqual({ kind: 'done' })
  expect(await sweep(copy)).toMatchObject({ appliesSentAgain: 0 })
  expect((await planReconcile(copy)).drifts).toEqual([])
  expect((await world.ctx.provider.findKey(claim.orKeyHash!))?.disabled).toBe(false)
})

test('the id is not renewed under a worker that is alive', async () => {
  await using world = await openWorld()
  await world.db.worker.create({ data: { id: 'one', slots: 4 } })
  expect(await renewInstallation(world.ctx, 'adopt')).toEqual({
    kind: 'workers-running',
    workers: 1,
  })
  expect((await world.db.installation.findFirstOrThrow()).id).toBe(world.ctx.installationId)
  await world.db.$executeRaw`update keymint.workers set last_seen_at = now() - interval '1 minute'`
  expect(await renewInstallation(world.ctx, 'adopt')).toMatchObject({ kind: 'renewed' })
})
