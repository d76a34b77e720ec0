/** The chain finds what was done to the trail behind the application's back. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createDb, type Db } from '~/adapters/db.server'
import { createLog } from '~/adapters/log.server'
import { behindTheBack, mulberry32, mutations } from '../../../tests/audit-mutations'
import { testDb } from '../../../tests/test-database'
import { recordAudit } from './audit.server'
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
        ...(index % 4 ? { scope: 'w' } : {}),
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
  await db.$transaction((tx) =>
    recordAudit(tx, { actor: 'worker', action: 'claim.made', subject: 'c:d' }),
  )
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

test('an event of an open transaction is not chained, nor anything that might follow it', async () => {
  const { db, url } = await trail(3)
  const slow = new pg.Client({ connectionString: url })
  await slow.connect()
  await slow.query('begin')
  await slow.query(
    `insert into keymint.audit_events (actor, action, subject) values ('worker', 'slow.one', 'x:y')`,
  )
  await db.$transaction((tx) =>
    recordAudit(tx, { actor: 'worker', action: 'key.minted', subject: 'x:y' }),
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

test('a thousand random edits, deletes, inserts, swaps and truncations by the database’s owner are found', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  console.info(`audit chain: seed ${seed}`)
  const random = mulberry32(seed)
  const pick = (count: number) => Math.floor(random() * count)
  const events = 60
  const { db } = await trail(events)
  const { head } = await verifyChain(db)
  const tried = new Map<string, number>()
  const missed: string[] = []
  for (let round = 0; round < 1_000; round++) {
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

test('the command reports as text, as JSON and by its exit code', async () => {
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
      /BROKEN[\s\S]*Number 7 of the chain \(event \d+\) was changed[\s\S]*The 6 events before it/,
    ) as string,
  })
}, 60_000)
