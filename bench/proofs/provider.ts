/**
 * What a provider that fails, a pause and a very large account may cost: an outage during a burst,
 * thousands of claims behind a pause, and 100,000 keys in a worker with a 300 MB heap.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimKey } from '~/domain/claim/claim.server'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { pauseMinting } from '~/domain/keys/pause.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { migrate } from '../../prisma/migrate'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { seedClaims } from '../../tests/seed-claims'
import { makeWorkshop, openWorld, type World, type WorldOptions } from '../../tests/world'
import type { Count, Proof } from './proof'

const workshopSlug = 'test-workshop'
const outageSeconds = Number(process.env.PROOF_OUTAGE_SECONDS ?? 300)
const behindPause = Number(process.env.PROOF_PAUSED_CLAIMS ?? 3_000)
const accountKeys = Number(process.env.PROOF_ACCOUNT_KEYS ?? 100_000)
const heapMegabytes = 300

export const providerProofs: Proof[] = [
  { name: 'outage', run: () => onPostgres(outage) },
  { name: 'behind-a-pause', run: () => onPostgres(behindAPause) },
  { name: 'large-account', run: () => onPostgres(largeAccount) },
]

type Open = (options?: WorldOptions) => Promise<World>

async function onPostgres(run: (open: Open) => Promise<Count[]>): Promise<Count[]> {
  const postgres = await startPostgres({ durable: true })
  try {
    const template = await createTemplate(postgres.adminUrl, migrate)
    return await run((options = {}) =>
      openWorld(options, { adminUrl: postgres.adminUrl, template }),
    )
  } finally {
    await postgres.stop()
  }
}

/** 502 on everything while a hundred people claim: nobody is refused, and nobody has to press. */
async function outage(open: Open): Promise<Count[]> {
  await using world = await open()
  const slots = 10
  await world.spawnWorker({ MINT_CONCURRENCY: String(slots) })
  await world.faults({ rules: [{ match: '*', fault: 'refuse', status: 502 }] })
  const people = await world.people(100)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
  )
  let worstUnresolved = 0
  const back = Date.now() + outageSeconds * 1000
  while (Date.now() < back) {
    worstUnresolved = Math.max(worstUnresolved, await countUnresolved(world))
    await sleep(100)
  }
  await world.clearFaults()
  const returnedAt = performance.now()
  let ready = 0
  while (ready < 100 && performance.now() - returnedAt < 120_000) {
    ready = await world.db.workshopAttendance.count({ where: { state: 'ready' } })
    worstUnresolved = Math.max(worstUnresolved, await countUnresolved(world))
    await sleep(50)
  }
  const worstSeconds = (performance.now() - returnedAt) / 1000
  await readAccount(world.ctx, deploymentAccount)
  const refused = await world.db.workshopAttendance.count({ where: { state: 'refused' } })
  return [
    {
      what: `100 claims during ${outageSeconds} s of 502: all have a key, 40 s after its return at most`,
      tried: 100,
      failed: 100 - ready + (worstSeconds > 40 ? 1 : 0),
      worstSeconds,
    },
    { what: 'of them refused', tried: 100, failed: refused },
    {
      what: `calls without an answer at any time: ${worstUnresolved}, at most ${2 * slots}`,
      tried: 1,
      failed: worstUnresolved > 2 * slots ? 1 : 0,
    },
    {
      what: 'calls without an answer after a reading of the account: none',
      tried: 1,
      failed: await countUnresolved(world),
    },
  ]
}

const countUnresolved = (world: World) =>
  world.db.mintAttempt.count({
    where: { state: 'unknown', resolvedAt: null, deletedAt: null },
  })

/** A minute behind a pause: no job runs that makes or changes a key. */
async function behindAPause(open: Open): Promise<Count[]> {
  await using world = await open({ workshops: [makeWorkshop({ maxKeys: null })] })
  await world.spawnWorker({ MINT_CONCURRENCY: '10' })
  await pauseMinting(world.ctx, { actorUserId: 'github:admin', reason: 'a proof' })
  // Claims are refused behind a pause: these were accepted before it.
  await world.db.$executeRaw`update keymint.minting set paused_at = null`
  await world.faults({ latencyMs: 60_000 })
  for (let made = 0; made < behindPause; made += 100) {
    const people = await world.people(100)
    await Promise.all(
      people.map((person) => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
    )
  }
  await world.db.$executeRaw`update keymint.minting set paused_at = now()`
  // What runs when the pause begins runs once more and parks.
  await sleep(30_000)
  const names = ['mint-key', 'mint-service-key', 'apply-key']
  const runs = () => world.db.jobRun.count({ where: { jobName: { in: names } } })
  const before = await runs()
  await sleep(60_000)
  const during = (await runs()) - before
  return [
    {
      what: `${behindPause} claims behind a pause: ${during} runs of mint and apply jobs in 60 s`,
      tried: behindPause,
      failed: during,
    },
  ]
}

/** One reading and one check of a very large account, in a process whose heap is bounded. */
async function largeAccount(open: Open): Promise<Count[]> {
  await using world = await open({ workshops: [makeWorkshop({ maxKeys: null })] })
  const ours = Math.min(10_000, Math.floor(accountKeys / 10))
  await seedForeign(world, accountKeys - ours)
  await seedClaims(world, workshopSlug, ours)
  const worker = await world.spawnWorker({
    NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}`,
    MINT_CONCURRENCY: '4',
  })
  const startedAt = performance.now()
  await world.db.$transaction(async (tx) => {
    await world.ctx.queue.enqueue(
      tx,
      'read-account',
      { account: deploymentAccount },
      { singletonKey: deploymentAccount },
    )
    await world.ctx.queue.enqueue(tx, 'reconcile-check', {}, { singletonKey: randomUUID() })
  })
  const done = { 'read-account': 0, 'reconcile-check': 0 }
  for (const name of ['read-account', 'reconcile-check'] as const) {
    while (worker.exitCode === null && performance.now() - startedAt < 600_000) {
      const run = await world.db.jobRun.findFirst({ where: { jobName: name, outcome: 'done' } })
      if (run) {
        done[name] = (performance.now() - startedAt) / 1000
        break
      }
      await sleep(200)
    }
  }
  const read = await world.db.workshopAttendance.count({ where: { usageSyncedAt: { not: null } } })
  const line = (what: string, seconds: number, isWhole: boolean): Count => ({
    what: `${accountKeys} keys in the account, a heap of ${heapMegabytes} MB: ${what}`,
    tried: 1,
    failed: seconds > 0 && isWhole && worker.exitCode === null ? 0 : 1,
    worstSeconds: seconds,
  })
  return [
    line(`all ${ours} of ours are read`, done['read-account'], read === ours),
    line('everything is compared', done['reconcile-check'], true),
  ]
}

async function seedForeign(world: World, count: number): Promise<void> {
  for (let made = 0; made < count; made += 5_000)
    await world.call('/__sim/keys', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        keys: Array.from({ length: Math.min(5_000, count - made) }, (_, index) => ({
          name: `somebody else ${made + index}`,
          limit: 1,
        })),
      }),
    })
}
