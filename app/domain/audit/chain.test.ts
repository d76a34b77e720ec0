/** The chain finds what was done to the trail behind the application's back. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createDb, type Db, type Tx } from '~/adapters/db.server'
import { createLog } from '~/adapters/log.server'
import { testDb } from '../../../tests/database'
import { mulberry32 } from '../../../tests/rng'
import { rounds } from '../../../tests/rounds'
import { recordAudit } from './audit.server'
import { chainHash, chainStart } from './chain'
import { chainAudit, readChainState, verifyChain } from './chain.server'

const log = createLog({ level: 'silent', name: 'test' })
const closing: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

async function trail(events: number, options: { chained?: boolean } = {}) {
  const database = await testDb()
  closing.push(() => database.drop())
  const { db } = database
  for (let index = 0; index < events; index++) {
    await db.$transaction((tx) =>
      recordAudit(tx, {
        actor: index % 3 ? `user:github:${index % 7}` : 'worker',
        action: index % 2 ? 'claim.made' : 'key.minted',
        subject: `claim:${index % 11}`,
        ...(index % 4 ? { workshopSlug: 'w' } : {}),
        details: { index, limitUsd: '2.000000000', nested: { b: [1, 2], a: 'ü"\\' } },
      }),
    )
  }
  if (options.chained !== false) await chainAll(db)
  return database
}

/**
 * Other databases of the cluster have transactions of their own, which hold the chain back for a
 * moment.
 */
async function chainAll(db: Db) {
  await expect
    .poll(
      async () => {
        await chainAudit({ db, log }, { batchSize: 100 })
        return (await readChainState(db)).waiting
      },
      { timeout: 20_000 },
    )
    .toBe(0)
}

const seqs = async (db: Db) =>
  (
    await db.$queryRaw<
      { seq: number }[]
    >`select chain_seq::int as seq from keymint.audit_events where chain_seq is not null order by chain_seq`
  ).map((row) => row.seq)
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('a chain is whole, says its head, and has room for what waits', async () => {
  const { db } = await trail(250)
  const report = await verifyChain(db)
  expect(report).toMatchObject({
    whole: true,
    events: 250,
    waiting: 0,
    broken: null,
    expectedFound: null,
  })
  expect(report.head).toMatchObject({ seq: '250' })
  expect(await seqs(db)).toEqual(upTo(250))
  const state = await readChainState(db)
  expect(state.head).toMatchObject({ seq: '250', hash: report.head?.hash })
  await db.$transaction((tx) => recordAudit(tx, { actor: 'worker', action: 'a.b', subject: 'c:d' }))
  expect(await readChainState(db)).toMatchObject({ waiting: 1, head: { seq: '250' } })
  expect(await verifyChain(db)).toMatchObject({ whole: true, events: 250, waiting: 1 })
})

test('events that wait are chained in the order of their numbers', async () => {
  const { db } = await trail(120)
  expect(
    await db.$queryRaw`
      select count(*)::int as crossed from keymint.audit_events a join keymint.audit_events b
        on b.chain_seq = a.chain_seq + 1 where b.id < a.id`,
  ).toEqual([{ crossed: 0 }])
})

test('an event of a transaction that is still open is not chained, nor anything that might have to follow it', async () => {
  const { db, url } = await trail(3)
  const slow = new pg.Client({ connectionString: url })
  await slow.connect()
  await slow.query('begin')
  await slow.query(
    `insert into keymint.audit_events (actor, action, subject) values ('worker', 'slow.one', 'x:y')`,
  )
  await db.$transaction((tx) =>
    recordAudit(tx, { actor: 'worker', action: 'fast.one', subject: 'x:y' }),
  )
  expect(await chainAudit({ db, log })).toBe(0)
  expect((await readChainState(db)).waiting).toBe(1)
  await slow.query('commit')
  await slow.end()
  await chainAll(db)
  expect(await seqs(db)).toEqual(upTo(5))
  expect(await verifyChain(db)).toMatchObject({ whole: true, events: 5 })
})

test('many at once, and some of them killed, chain each event once', async () => {
  const { db, url } = await trail(400, { chained: false })
  const kill = () =>
    db.$executeRaw`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chain-victim'
        and datname = current_database()`
  for (let round = 0; round < 6; round++) {
    const victims = [
      createDb(url, { max: 1, applicationName: 'chain-victim' }),
      createDb(url, { max: 1, applicationName: 'chain-victim' }),
    ]
    const runs = victims.map((victim) =>
      chainAudit({ db: victim, log }, { batchSize: 7 }).catch(() => 0),
    )
    await db.$queryRaw`select pg_sleep(${0.01 * (round + 1)}::float8)::text`
    await kill()
    await Promise.all(runs)
    await Promise.all(victims.map((victim) => victim.$disconnect().catch(() => undefined)))
  }
  await Promise.all(Array.from({ length: 4 }, () => chainAudit({ db, log }, { batchSize: 13 })))
  await chainAll(db)
  expect(await seqs(db)).toEqual(upTo(400))
  expect(await verifyChain(db)).toMatchObject({ whole: true, events: 400 })
}, 60_000)

const tamperings = rounds(1_000)

test(`random edits, deletes, inserts, swaps and truncations by who owns the database: all ${tamperings} are found`, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  console.info(`audit chain: seed ${seed}`)
  const random = mulberry32(seed)
  const pick = (count: number) => Math.floor(random() * count)
  const events = 60
  const { db } = await trail(events)
  const { head } = await verifyChain(db)
  const tried = new Map<string, number>()
  const missed: string[] = []
  for (let round = 0; round < tamperings; round++) {
    const [name, mutate] = mutations[round % mutations.length]!
    const report = await behindTheBack(db, async (tx) => {
      await mutate(tx, { pick, events })
      return verifyChain(tx as Db, { expect: head!.hash })
    })
    tried.set(name, (tried.get(name) ?? 0) + 1)
    if (report.whole) missed.push(`${name} (round ${round}, seed ${seed})`)
    // All but what needs a head that was noted is named by the chain itself.
    else if (!name.includes('(noted head)') && report.broken === null)
      missed.push(`${name}: found only by the noted head (round ${round}, seed ${seed})`)
  }
  console.info(
    `audit chain: ${[...tried].map(([name, count]) => `${count} ${name}`).join(', ')}; ${missed.length} missed`,
  )
  expect(missed).toEqual([])
  expect(await verifyChain(db, { expect: head!.hash })).toMatchObject({
    whole: true,
    events,
    expectedFound: true,
  })
}, 180_000)

test('the command says what it found, in words and as JSON, and by its exit code', async () => {
  const { db, url } = await trail(20)
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'app/cli/audit-verify.ts', ...args], {
      env: { DATABASE_URL: url } as unknown as NodeJS.ProcessEnv,
    }).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        text: error.stdout + error.stderr,
      }),
    )
  const { head } = await verifyChain(db)
  const hash = head!.hash
  expect(await run()).toMatchObject({
    code: 0,
    text: expect.stringContaining(`20 events, chain whole, head ${hash}`) as string,
  })
  expect(await run('--expect', hash)).toMatchObject({
    code: 0,
    text: expect.stringContaining('The head you named is in it.') as string,
  })
  const json = await run('--json', '--since', hash)
  expect([json.code, JSON.parse(json.text)]).toEqual([
    0,
    {
      whole: true,
      events: 0,
      head: { seq: '20', hash },
      waiting: 0,
      broken: null,
      expectedFound: true,
    },
  ])
  expect(await run('--expect', 'f'.repeat(64))).toMatchObject({
    code: 1,
    text: expect.stringContaining('DOES NOT HOLD THE HEAD') as string,
  })
  expect(await run('--expect', 'nonsense')).toMatchObject({ code: 2 })
  await db.$executeRaw`alter table keymint.audit_events disable trigger all`
  await db.$executeRaw`update keymint.audit_events set actor = 'user:github:1' where chain_seq = 7`
  expect(await run()).toMatchObject({
    code: 1,
    text: expect.stringMatching(
      /BROKEN[\s\S]*place 7 \(event \d+\) is not what was written[\s\S]*The 6 before it/,
    ) as string,
  })
}, 60_000)

type Chance = { pick: (count: number) => number; events: number }
type Mutation = [string, (tx: Tx, chance: Chance) => Promise<unknown>]

/** Any place but the last: what happens to the end alone is a truncation. */
const inner = ({ pick, events }: Chance) => 1 + pick(events - 1)
const differentFrom = (chance: Chance, seq: number) =>
  ((seq - 1 + 1 + chance.pick(chance.events - 1)) % chance.events) + 1

const edits = [
  `actor = actor || 'x'`,
  `action = 'claim.refused'`,
  `subject = 'claim:' || id || 'x'`,
  `workshop_slug = coalesce(workshop_slug || 'x', 'y')`,
  `details = details || '{"limitUsd": "3"}'`,
  `details = details - 'index'`,
  `at = at + interval '1 microsecond'`,
  `xid = '3'`,
  `id = id + 100000`,
  `hash = md5(hash) || md5(prev_hash)`,
  `prev_hash = hash`,
]

const mutations: Mutation[] = [
  [
    'edits',
    (tx, chance) =>
      tx.$executeRawUnsafe(
        `
          update keymint.audit_events set ${edits[chance.pick(edits.length)]}
            where chain_seq = ${1 + chance.pick(chance.events)}`,
      ),
  ],
  [
    'deletes',
    (tx, chance) =>
      tx.$executeRaw`delete from keymint.audit_events where chain_seq = ${inner(chance)}::int`,
  ],
  [
    'deletes that close the gap',
    async (tx, chance) => {
      const seq = inner(chance)
      await tx.$executeRaw`delete from keymint.audit_events where chain_seq = ${seq}::int`
      await shift(tx, seq, -1)
    },
  ],
  [
    'inserts',
    async (tx, chance) => {
      const seq = inner(chance)
      await shift(tx, seq, 1)
      await insertForged(tx, seq)
    },
  ],
  [
    'swaps of places',
    async (tx, chance) => {
      const one = 1 + chance.pick(chance.events)
      const other = differentFrom(chance, one)
      await tx.$executeRaw`
        update keymint.audit_events set chain_seq = -chain_seq where chain_seq in (${one}::int, ${other}::int)`
      await tx.$executeRaw`
        update keymint.audit_events set chain_seq = case when chain_seq = ${-one}::int then ${other}::int
          else ${one}::int end where chain_seq < 0`
    },
  ],
  [
    'swaps of contents',
    async (tx, chance) => {
      const one = 1 + chance.pick(chance.events)
      await tx.$executeRaw`
      with pair as (select chain_seq, details, at from keymint.audit_events
        where chain_seq in (${one}::int, ${differentFrom(chance, one)}::int))
      update keymint.audit_events e set details = pair.details, at = pair.at from pair
        where e.chain_seq in (select chain_seq from pair) and pair.chain_seq <> e.chain_seq`
    },
  ],
  [
    'truncations (noted head)',
    (tx, chance) =>
      tx.$executeRaw`
        delete from keymint.audit_events where chain_seq >= ${1 + chance.pick(chance.events)}::int`,
  ],
  [
    'edits with all after them chained anew (noted head)',
    async (tx, chance) => {
      const seq = 1 + chance.pick(chance.events)
      await tx.$executeRaw`
        update keymint.audit_events set actor = 'user:github:somebody-else' where chain_seq = ${seq}::int`
      await rechain(tx)
    },
  ],
]

async function shift(tx: Tx, from: number, by: 1 | -1) {
  await tx.$executeRaw`
    update keymint.audit_events set chain_seq = -(chain_seq + ${by}::int) where chain_seq >= ${from}::int`
  await tx.$executeRaw`update keymint.audit_events set chain_seq = -chain_seq where chain_seq < 0`
}

type Fields = {
  id: string
  at: string
  actor: string
  action: string
  subject: string
  workshop: string | null
  details: string
  xid: string
  seq: string
}
const readFields = (tx: Tx) => tx.$queryRaw<Fields[]>`
  select id::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, action,
    subject, workshop_slug as workshop, details::text as details, xid::text as xid, chain_seq::text as seq
  from keymint.audit_events order by chain_seq`

/** As good a forgery as can be made: it follows the one before it, and its own hash is right. */
async function insertForged(tx: Tx, seq: number) {
  const prev =
    seq === 1
      ? chainStart
      : (
          await tx.$queryRaw<
            { hash: string }[]
          >`select hash from keymint.audit_events where chain_seq = ${seq - 1}::int`
        )[0]!.hash
  await tx.$executeRaw`
    insert into keymint.audit_events (actor, action, subject, chain_seq, prev_hash, hash)
      values ('worker', 'claim.made', 'claim:forged', ${seq}::int, ${prev}, 'x')`
  const forged = (await readFields(tx)).find((row) => row.seq === String(seq))!
  await tx.$executeRaw`
    update keymint.audit_events set hash = ${chainHash(prev, forged)} where chain_seq = ${seq}::int`
}

async function rechain(tx: Tx) {
  let prev = chainStart
  const links = (await readFields(tx)).map((row) => {
    const link = { id: row.id, prev, hash: chainHash(prev, row) }
    prev = link.hash
    return link
  })
  await tx.$executeRaw`
    update keymint.audit_events e set prev_hash = l.prev, hash = l.hash
      from unnest(${links.map((l) => l.id)}::text[]::bigint[], ${links.map((l) => l.prev)}::text[],
      ${links.map((l) => l.hash)}::text[]) as l(id, prev, hash) where e.id = l.id`
}

class Undo extends Error {}

/** As a superuser with every trigger off, and undone afterwards. */
async function behindTheBack<Result>(db: Db, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  let result: Result | undefined
  await db
    .$transaction(async (tx) => {
      await tx.$executeRaw`set local session_replication_role = replica`
      result = await work(tx)
      throw new Undo()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error
    })
  return result as Result
}
