/**
 * What one claim asks of Postgres, from the press to the revealed key: statements, transactions and
 * fetches of the queue, counted by Postgres itself over a burst. Counts, and not times, so that the
 * machine does not matter. Prints numbers, asserts nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { claimKey } from '~/domain/claim/claim.server'
import { findClaimPulse } from '~/domain/claim/claim-pulse.server'
import { revealKey } from '~/domain/claim/reveal.server'
import { migrate } from '../prisma/migrate'
import { createTemplate } from '../simulators/postgres/template'
import { startPostgres } from '../simulators/postgres/server'
import { openWorld, type World } from '../tests/world'

const workshopSlug = 'test-workshop'
const warmUp = 30
const claims = 100

const postgres = await startPostgres({ durable: true })
try {
  await asAdmin(
    postgres.adminUrl,
    `alter system set shared_preload_libraries = 'pg_stat_statements'`,
  )
  await postgres.restart('fast')
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
  await asAdmin(world.database.url, 'create extension pg_stat_statements')
  await world.faults({ latencyMs: 300 })
  await world.spawnWorker({ MINT_CONCURRENCY: '25' })
  await wholeClaims(world, warmUp)
  const idle = await counted(world, () => sleep(5_000))
  const startedAt = performance.now()
  const busy = await counted(world, () => wholeClaims(world, claims))
  // What the worker does anyway in the same time is no cost of a claim.
  const idleShare = (performance.now() - startedAt) / 5_000
  for (const what of ['statements', 'transactions', 'fetches'] as const) {
    print((busy[what] - idle[what] * idleShare) / claims, `${what} per claim`)
    print(busy[what] / claims, `${what} per claim, with what the worker asks anyway`)
    print(idle[what] / 5, `${what} a second of an idle worker`)
  }
} finally {
  await postgres.stop()
}
process.exit(0)

function print(value: number, what: string) {
  process.stdout.write(`${value.toFixed(1).padStart(9)}  ${what}\n`)
}

/** Press, two polls, and the key in hand. */
async function wholeClaims(world: World, count: number): Promise<void> {
  const people = await world.people(count)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
  )
  const owners = people.map(({ userId }) => ({ workshopSlug, userId }))
  await Promise.all(owners.map((owner) => findClaimPulse(world.ctx, owner)))
  const slugs = people.map((person) => person.userId)
  for (;;) {
    const bound = await world.db.workshopAttendance.count({
      where: { userId: { in: slugs }, guardrailAttachedAt: { not: null } },
    })
    if (bound === count) break
    await sleep(500)
  }
  await Promise.all(owners.map((owner) => findClaimPulse(world.ctx, owner)))
  await Promise.all(owners.map((owner) => revealKey(world.ctx, owner)))
}

type Counts = { statements: number; transactions: number; fetches: number }

async function counted(world: World, work: () => Promise<unknown>): Promise<Counts> {
  const before = await countsOf(world)
  await work()
  const after = await countsOf(world)
  return {
    statements: after.statements - before.statements,
    transactions: after.transactions - before.transactions,
    fetches: after.fetches - before.fetches,
  }
}

async function countsOf(world: World): Promise<Counts> {
  const client = new pg.Client({ connectionString: world.database.url })
  await client.connect()
  // Sessions report their transactions a second late.
  await sleep(1_500)
  const { rows } = await client.query<Counts>(`
    select (select coalesce(sum(calls), 0) from pg_stat_statements s join pg_database d on d.oid = s.dbid
        where d.datname = current_database() and query !~* '^(begin|commit|rollback)')::int as statements,
      (select xact_commit from pg_stat_database where datname = current_database())::int as transactions,
      (select coalesce(sum(calls), 0) from pg_stat_statements s join pg_database d on d.oid = s.dbid
        where d.datname = current_database() and query like '%SKIP LOCKED%' and query like '%pgboss%')::int
        as fetches`)
  await client.end()
  return rows[0] ?? { statements: 0, transactions: 0, fetches: 0 }
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}
