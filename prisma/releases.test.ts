/**
 * Every release is upgraded: its dump (prisma/releases, made by `npm run release:dump`) is restored
 * and migrated, and what was promised to its people holds.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, inject, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import { createSealer } from '~/adapters/sealing.server'
import { verifyChain } from '~/domain/audit/chain.server'
import { claimKey } from '~/domain/claim/claim.server'
import { openAccount } from '~/domain/keys/accounts.server'
import { keyPlace } from '~/domain/keys/mint-attempt.server'
import { verifyCounters } from '~/domain/operations/counters.server'
import { findHold } from '~/domain/people/holds.server'
import { migrationNames } from '~/adapters/migrations.server'
import { expectPoolToAddUp, readyClaims } from '../tests/claims'
import { checkLedger } from '../tests/ledger-check'
import { bannedPerson, dumpKey } from '../tests/release-seed'
import { emptyDatabase } from '../tests/database'
import { makeWorkshop, openWorld } from '../tests/world'
import { restore } from './restore'

const folder = 'prisma/releases'
const releases = readdirSync(folder).map((file) => file.replace(/\.sql\.gz$/, ''))
const fileOf = (release: string) => path.join(folder, `${release}.sql.gz`)

/** What a dump must have of: a table without a row would be migrated whatever it holds. */
const kept = [
  'alerts',
  'announcements',
  'api_keys',
  'attendees',
  'audit_events',
  'budget_requests',
  'budget_top_ups',
  'bulk_actions',
  'claim_holds',
  'invitations',
  'key_windows',
  'keys',
  'limit_requests',
  'master_keys',
  'mints',
  'paused_queues',
  'pools',
  'sessions',
  'spares',
  'transactions',
  'usage_samples',
  'waitlist',
  'workshop_attendance',
  'workshop_ends',
]

test('this release has a dump, and dumps are small and hold no secret', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(releases).toContain(version)
  for (const release of releases) {
    expect(statSync(fileOf(release)).size).toBeLessThan(100_000)
    const text = gunzipSync(readFileSync(fileOf(release))).toString()
    expect(text.match(/sk-or-v1-[0-9a-f]{64}|\/(?:home|work|root|tmp)\//g)).toBeNull()
    const addresses = text.match(/[\w.+-]+@[\w.-]+/g) ?? []
    for (const address of addresses) expect(address).toMatch(/@example\.org$/)
  }
})

test.each(releases)('a database of %s is migrated, and keeps what it promised', async (release) => {
  await using outer = await openWorld()
  const url = await emptyDatabase(outer)
  const report = await restore(url, fileOf(release), { formerKeys: 'adopt', identities: [] })
  const had = report.header.migrations.map(({ name }) => name)
  expect(report.applied).toEqual(migrationNames().slice(had.length))

  const restored = createDb(url, { max: 1, applicationName: 'restored' })
  const keys = await restored.key.findMany({ where: { sealed: { not: null } } })
  for (const name of kept) {
    const [row] = await restored.$queryRawUnsafe<{ some: boolean }[]>(
      `select exists (select 1 from keymint.${name}) as some`,
    )
    expect([name, row]).toEqual([name, { some: true }])
  }
  await restored.$disconnect()
  expect(keys.length).toBeGreaterThan(5)

  const sealer = createSealer([dumpKey])
  for (const { id, generation, sealed } of keys)
    expect(sealer.unseal(sealed!, keyPlace(id, generation))).toMatch(/^sk-/)

  // On a copy, with an app of this build in front of it. A pool of migrate that still closes would forbid it.
  const database = path.basename(new URL(url).pathname)
  await outer.db.$queryRaw`
    select pg_terminate_backend(pid)::text from pg_stat_activity where datname = ${database}`
  const open = makeWorkshop({ slug: 'after-the-upgrade' })
  const test = makeWorkshop()
  await using world = await openWorld(
    { workshops: [test, open], encryptionKey: dumpKey },
    { adminUrl: inject('postgresAdminUrl'), template: database },
  )
  for (const { id } of await world.db.account.findMany({ where: { masterKeyId: { not: null } } }))
    expect((await openAccount(world.ctx, id))?.credential.secret).toMatch(/^sk-/)
  expect(await verifyCounters(world.ctx)).toEqual([])
  await expectPoolToAddUp(world)
  const members = await world.db.budgetMonth.findMany({ distinct: ['userId'] })
  expect(members.length).toBeGreaterThan(2)
  for (const { userId } of members) await checkLedger(world, userId)
  expect(await verifyChain(world.db)).toMatchObject({ whole: true, broken: null })
  const { userId, emailNormalized } = bannedPerson
  for (const { slug: workshopSlug } of [test, open])
    expect(await findHold(world.ctx, { workshopSlug, userId, emailNormalized })).toBe('banned')

  // Somebody who has a key keeps their one claim; somebody new gets a key.
  const holder = await world.db.workshopAttendance.findFirstOrThrow({
    where: { workshopSlug: test.slug, state: 'ready', orKeyPlaintext: { not: null } },
  })
  const [template] = await world.people(1)
  const before = await world.db.mint.count()
  await claimKey(world.ctx, {
    workshopSlug: test.slug,
    person: { ...template!, userId: holder.userId },
    optIn: false,
  })
  expect(await world.db.mint.count()).toBe(before)
  await readyClaims(world, 2, open.slug)
  expect(await verifyCounters(world.ctx)).toEqual([])
  await expectPoolToAddUp(world)
})
