/** A backup of a database in use, and what becomes of it on another, empty one. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import { createSealer } from '~/adapters/sealing.server'
import { claimKey } from '~/domain/claim/claim.server'
import { keyPlace } from '~/domain/keys/mint-attempt.server'
import { runMint } from '~/domain/keys/mint.server'
import { backUpNightly, backupFileName, makeBackup } from '~/domain/operations/backup.server'
import { checkBackup } from '~/domain/operations/database-checks.server'
import { checkMessage } from '~/messages/readiness'
import { testedDeployment } from '~/domain/operations/readiness.server'
import { emptyDatabase } from '../tests/database'
import { openWorld, type World } from '../tests/world'
import { migrationNames } from '~/adapters/migrations.server'
import { copyOut, copyTablesIn } from './database-copy'
import { migrate, migrateTo } from './migrate'
import { restore } from './restore'

const leave = { formerKeys: 'leave', identities: [] } as const

async function folderOf(world: World): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keymint-backup-'))
  world.onClose(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Three people with keys, two who wait, and a name that no line or escape of a file may break. */
async function usedWorld(world: World) {
  const people = await world.people(5)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: 'test-workshop', person, optIn: false })
  const mints = await world.db.mint.findMany({ take: 3 })
  for (const { id } of mints) await runMint(world.ctx, id)
  await world.db.attendee.update({
    where: { userId: people[0]!.userId },
    data: { displayName: 'a\\.\tb\u2028c\\N 😀 \\' },
  })
}

async function rowsOf(url: string): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select schemaname || '.' || tablename as name from pg_tables
        where schemaname = 'keymint'
          and tablename not in ('_prisma_migrations', 'workers', 'pace_leases', 'installation', 'audit_events')
          or schemaname = 'pgboss' and tablename = 'job_common' order by 1`,
    )
    const found: Record<string, string> = {}
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(
        `select coalesce(string_agg(
          (to_jsonb(t) - 'pace' - 'pace_version')::text, e'\\n' order by t::text), '') as text from ${name} t`,
      )
      found[name] = rows[0]?.text ?? ''
    }
    return found
  } finally {
    await client.end()
  }
}

test('a restored database has every row, opens every key, and goes on numbering', async () => {
  await using world = await openWorld()
  await usedWorld(world)
  const file = path.join(await folderOf(world), 'one.sql.gz')
  await makeBackup(world.database.url, file, [])
  const url = await emptyDatabase(world)
  const report = await restore(url, file, leave)
  expect(report).toMatchObject({
    applied: [],
    hasJobs: true,
    previousId: world.ctx.installationId,
    header: { installation: world.ctx.installationId },
  })
  const before = await rowsOf(world.database.url)
  const after = await rowsOf(url)
  // What waits is made under the new id.
  const renamed = (text: string | undefined) => text?.replaceAll(report.id, report.previousId)
  const untouched = (text: string | undefined) =>
    text?.split('\n').filter((row) => !row.startsWith('{"state": "pending"'))
  for (const [name, rows] of Object.entries(before))
    expect(untouched(renamed(after[name])), name).toEqual(untouched(rows))
  const db = createDb(url, { max: 2, applicationName: 'restored' })
  world.onClose(() => db.$disconnect())
  const sealer = createSealer([world.encryptionKey])
  const keys = await db.key.findMany({ where: { savedAt: { not: null } } })
  expect(keys).toHaveLength(3)
  for (const key of keys)
    expect(sealer.unseal(key.sealed!, keyPlace(key.id, key.generation))).toMatch(/^sk-or-v1-/)
  const actions = await db.auditEvent.findMany({ orderBy: { id: 'desc' }, take: 2 })
  expect(actions.map(({ action }) => action)).toEqual(['backup.restored', 'installation.renewed'])
  // Every rule that was taken off for the loading is there again.
  await expect(db.$executeRaw`delete from keymint.attendees`).rejects.toThrow()
  await expect(db.$executeRaw`update keymint.audit_events set action = 'x'`).rejects.toThrow()
})

test('an encrypted backup opens with its identity and with no other', async () => {
  await using world = await openWorld()
  await usedWorld(world)
  const [own, other] = [await generateX25519Identity(), await generateX25519Identity()]
  const file = path.join(await folderOf(world), 'one.sql.gz.age')
  await makeBackup(world.database.url, file, [await identityToRecipient(own)])
  expect((await readFile(file)).toString('latin1')).not.toContain('attendees')
  const url = await emptyDatabase(world)
  await expect(restore(url, file, leave)).rejects.toThrow('encrypted: name the file')
  await expect(restore(url, file, { ...leave, identities: [other] })).rejects.toThrow(
    'does not open this backup',
  )
  expect(await restore(url, file, { ...leave, identities: [own] })).toMatchObject({ hasJobs: true })
})

test('a backup that was cut, changed or mixed up is refused before anything is written', async () => {
  await using world = await openWorld()
  await usedWorld(world)
  const folder = await folderOf(world)
  const file = path.join(folder, 'one.sql.gz')
  await makeBackup(world.database.url, file, [])
  const text = gunzipSync(await readFile(file)).toString()
  const url = await emptyDatabase(world)
  const refused = async (changed: string | Buffer, sentence: string) => {
    const bad = path.join(folder, 'bad.sql.gz')
    await writeFile(bad, typeof changed === 'string' ? gzipSync(changed) : changed)
    await expect(restore(url, bad, leave)).rejects.toThrow(sentence)
  }
  await refused((await readFile(file)).subarray(0, 2_000), 'damaged, or was cut')
  await refused(Buffer.from('no backup at all'), 'damaged, or was cut')
  await refused('create table x ();\n', 'Keymint did not make this backup')
  await refused(text.slice(0, text.indexOf('COPY keymint.mints')), 'has no end: it was cut')
  await refused(text.slice(0, text.length / 2), 'was cut')
  await refused(text.replace(/(COPY keymint\.attendees .*\n).*\n/, '$1'), 'has 5 rows, and holds 4')
  await refused(text.replace('COPY keymint.mints', 'DROP TABLE keymint.mints'), 'does not write')
  const others = (part: string) => text.replace(/(?=-- end of keymint)/, part)
  await refused(others('COPY public.theirs (x) FROM stdin;\nhello\n\\.\n'), 'public.theirs')
  await refused(others('COPY keymint.workers (id) FROM stdin;\n\\.\n'), 'keymint.workers')
  await refused(others('COPY keymint.mints (id) FROM stdin;\n\\.\n'), 'keymint.mints')
  await refused(others("SELECT pg_catalog.setval('public.theirs', 1, true);\n"), 'public.theirs')
  await refused(text.replace('"name":"2026', '"name":"2036'), 'of a newer build')
  await refused(text.replace(/"checksum":"./, '"checksum":"x'), 'of another build')
  await expect(restore(world.database.url, file, leave)).rejects.toThrow('is not empty')
  await expect(restore(url, path.join(folder, 'none'), leave)).rejects.toThrow('There is no backup')
  // Nothing was written until now.
  expect(await restore(url, file, leave)).toMatchObject({ hasJobs: true })
})

test('a backup with a part too few leaves nothing behind that could be used', async () => {
  await using world = await openWorld()
  const folder = await folderOf(world)
  const file = path.join(folder, 'one.sql.gz')
  await makeBackup(world.database.url, file, [])
  const text = gunzipSync(await readFile(file)).toString()
  const less = text
    .replace(/COPY keymint\.access_grants .*\n(?:.*\n)*?\\\.\n/, '')
    .replace(/"keymint\.access_grants":\d+,?/, '')
  expect(less).not.toContain('keymint.access_grants')
  await writeFile(file, gzipSync(less))
  await expect(restore(await emptyDatabase(world), file, leave)).rejects.toThrow(
    'The backup does not name keymint.access_grants',
  )
})

test('wherever a restore ends, the database has another installation id than the former one', async () => {
  await using world = await openWorld()
  const copy = copyOut(world.database.url)
  const url = await emptyDatabase(world)
  await migrateTo(url, migrationNames())
  await copyTablesIn(url, copy)
  // Killed here, and started anyway.
  const { installationId } = await migrate(url)
  expect(installationId).toMatch(/^[0-9a-f]{12}$/)
  expect(installationId).not.toBe(world.ctx.installationId)
})

test('jobs of a queue that is no more do not keep a backup from being restored', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`select pgboss.create_queue('former', '{"policy":"standard"}')::text`
  await world.db.$executeRaw`
    insert into pgboss.job (name, data) values ('former', '{}'), ('retention', '{"kept":1}')`
  const file = path.join(await folderOf(world), 'one.sql.gz')
  await makeBackup(world.database.url, file, [])
  const url = await emptyDatabase(world)
  expect(await restore(url, file, leave)).toMatchObject({ hasJobs: true })
  expect((await rowsOf(url))['pgboss.job_common']).toContain('"data": {"kept": 1}')
  expect((await rowsOf(url))['pgboss.job_common']).not.toContain('"former"')
})

async function readWhole(copy: AsyncIterable<Buffer>) {
  for await (const _chunk of copy);
}

test('a database that goes between two tables ends the backup, not the process', async () => {
  await using world = await openWorld()
  const uncaught: unknown[] = []
  const listen = (error: unknown) => void uncaught.push(error)
  process.on('uncaughtException', listen)
  world.onClose(() => Promise.resolve(process.off('uncaughtException', listen)))
  const copy = copyOut(world.database.url)
  await copy.next()
  await world.db.$executeRaw`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keymint-backup'
      and datname = current_database()`
  await expect
    .poll(
      () => world.db.$queryRaw`
      select pid from pg_stat_activity where application_name = 'keymint-backup' and datname = current_database()`,
    )
    .toEqual([])
  await sleep(100)
  await expect(readWhole(copy)).rejects.toThrow()
  expect(uncaught).toEqual([])
})

test('a nightly backup is recorded, kept for its days, and its failure is an error of the check', async () => {
  await using world = await openWorld()
  const folder = await folderOf(world)
  const old = backupFileName(new Date(Date.now() - 15 * 86_400_000), true)
  const recent = backupFileName(new Date(Date.now() - 13 * 86_400_000), false)
  const killed = `${backupFileName(new Date(Date.now() - 2 * 86_400_000), false)}.part`
  const running = `${backupFileName(new Date(Date.now() - 3_600_000), false)}.part`
  for (const name of [old, recent, `${old}.part`, killed, running, 'something-else.sql.gz'])
    await writeFile(path.join(folder, name), '')
  const backup = { databaseUrl: world.database.url, folder, recipients: [], keepDays: 14 }
  const ctx = { ...world.ctx, backup }
  const found = async () =>
    checkBackup({ ...testedDeployment(ctx), db: world.db, judged: () => Promise.resolve([]) })
  expect(await found()).toMatchObject({ code: 'backup-none-yet' })
  const made = await backUpNightly(ctx)
  expect((await readdir(folder)).sort()).toEqual(
    [recent, running, path.basename(made!.path), 'something-else.sql.gz'].sort(),
  )
  expect(await found()).toMatchObject({ code: 'backup-ok', severity: 'ok', isEncrypted: false })
  await world.db.$executeRaw`update keymint.backups set finished_at = now() - interval '27 hours'`
  expect(await found()).toMatchObject({ code: 'backup-late', hours: 27 })
  const broken = { ...ctx, backup: { ...backup, folder: path.join(folder, 'missing') } }
  await expect(backUpNightly(broken)).rejects.toThrow('is missing, or this user may not write')
  expect(await found()).toMatchObject({ code: 'backup-failed', severity: 'error', hours: 27 })
  await world.db.$executeRaw`
    update keymint.backups set finished_at = now() - interval '61 minutes' where error is null`
  expect(checkMessage({ findings: [await found()] })).toEqual({
    sentence:
      `The last backup failed: The folder ${broken.backup.folder} is missing, or this user may not ` +
      'write there. The newest one is 1 hour old.',
    remedy: 'Repair the cause, then run “Make a backup” on the Schedules page.',
  })
  expect(await backUpNightly(world.ctx)).toBeNull()
  // A backup that cannot be made makes room nevertheless, and leaves the newest one.
  const later = { ...ctx, now: () => new Date(Date.now() + 30 * 86_400_000) }
  const away = { ...later, backup: { ...backup, databaseUrl: 'postgresql://127.0.0.1:1/none' } }
  await expect(backUpNightly(away)).rejects.toThrow()
  expect((await readdir(folder)).sort()).toEqual(
    [path.basename(made!.path), 'something-else.sql.gz'].sort(),
  )
})

test('a migration that was changed after it was applied stops the next migrate', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`
    update keymint._prisma_migrations set checksum = repeat('0', 64) where migration_name = '20261121130000_teams'`
  await expect(migrate(world.database.url)).rejects.toThrow(
    '20261121130000_teams was changed after this database was migrated with it',
  )
})
