/**
 * `npm run proofs`: long runs with crashes and races. One line a proof: what was claimed, how often
 * it was tried, how often it failed, and the worst time where time matters. PROOF_ROUNDS (default
 * 5) scales all of them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { claimKey } from '~/domain/claim/claim.server'
import { reconcileKeys } from '~/domain/keys/reconcile.server'
import { migrate } from '../prisma/migrate'
import { startPostgres, type Postgres } from '../simulators/postgres/server'
import { createTemplate } from '../simulators/postgres/template'
import { makeWorkshop, openWorldOn, type World, type WorldOptions } from '../tests/test-world'
import { walk } from '../tests/walk/walk'

const workshopSlug = 'test-workshop'
const rounds = Number(process.env.PROOF_ROUNDS ?? 5)

type Figures = { tried: number; failed: number; worstSeconds?: number }

const postgres = await startPostgres({ durable: true })
let failures = 0
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  const open = (options: WorldOptions = {}) =>
    openWorldOn({ adminUrl: postgres.adminUrl, template }, options)
  await prove(
    'a worker killed at a random moment of a burst: one live key for each claim, none else',
    () => killsInABurst(open),
  )
  await prove(
    'work done, then connection reset on 30 % of creates: one live key for each claim, none else',
    () => lostAnswers(open),
  )
  await prove('Postgres restarted (immediate) in a burst: nothing lost, nothing doubled', () =>
    databaseRestarts(open, postgres),
  )
  await prove('fifty clicks of one person at once: one claim', () => doubleClicks(open))
  await prove('three hundred people for a hundred seats: exactly a hundred', () => lastSeats(open))
  await prove('the model of the key protocol, within its bounds', () => model())
  await prove('20 seeded walks of 1,000 operations and one of 20,000 keep the invariants', () =>
    walks({ adminUrl: postgres.adminUrl, template }),
  )
} finally {
  await postgres.stop()
}
process.exit(failures === 0 ? 0 : 1)

async function prove(what: string, run: () => Promise<Figures>): Promise<void> {
  const { tried, failed, worstSeconds } = await run()
  failures += failed
  process.stdout.write(
    `${failed === 0 ? 'held  ' : 'BROKEN'}  tried ${String(tried).padStart(5)}  failed ${String(failed).padStart(3)}  ${worstSeconds === undefined ? '' : `worst ${worstSeconds.toFixed(1)} s  `}${what}\n`,
  )
}

/** In a process of its own: it fills memory. */
async function model(): Promise<Figures> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/model/index.ts'], {
    stdio: 'inherit',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return { tried: 1, failed: code === 0 ? 0 : 1 }
}

async function walks(database: { adminUrl: string; template: string }): Promise<Figures> {
  const figures = { tried: 0, failed: 0 }
  const runs = [...Array.from({ length: 20 }, () => 1_000), 20_000]
  for (const [index, operations] of runs.entries()) {
    figures.tried++
    await walk(database, index + 1, operations).catch((error: unknown) => {
      figures.failed++
      process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
    })
  }
  return figures
}

type Open = (options?: WorldOptions) => Promise<World>

async function killsInABurst(open: Open): Promise<Figures> {
  const figures = { tried: 0, failed: 0, worstSeconds: 0 }
  for (let round = 0; round < rounds; round++) {
    await using world = await open()
    await world.faults({ latencyMs: 100 })
    const worker = await world.spawnWorker({ MINT_CONCURRENCY: '10' })
    await claimAll(world, 60)
    // Spread over the burst: the first kill early, the last late.
    await readyCount(world, Math.floor((60 * round) / rounds))
    worker.kill('SIGKILL')
    const killedAt = performance.now()
    await world.spawnWorker({ MINT_CONCURRENCY: '10' })
    await readyCount(world, 60)
    figures.worstSeconds = Math.max(figures.worstSeconds, (performance.now() - killedAt) / 1000)
    figures.tried += 60
    figures.failed += await keysThatAreWrong(world, 60)
  }
  return figures
}

async function lostAnswers(open: Open): Promise<Figures> {
  const figures = { tried: 0, failed: 0 }
  for (let round = 0; round < rounds; round++) {
    await using world = await open()
    await world.faults({
      seed: round + 1,
      rules: [{ match: 'POST /keys', fault: 'reset-after', rate: 0.3 }],
    })
    await world.startWorkerHere(10)
    await claimAll(world, 200)
    await readyCount(world, 200)
    await world.clearFaults()
    figures.tried += 200
    figures.failed += await keysThatAreWrong(world, 200)
  }
  return figures
}

async function databaseRestarts(open: Open, server: Postgres): Promise<Figures> {
  const figures = { tried: 0, failed: 0, worstSeconds: 0 }
  for (let round = 0; round < rounds; round++) {
    await using world = await open()
    await world.faults({ latencyMs: 100 })
    await world.spawnWorker({ MINT_CONCURRENCY: '10' })
    await claimAll(world, 60)
    await readyCount(world, 10)
    await server.restart('immediate')
    const restartedAt = performance.now()
    await readyCount(world, 60)
    figures.worstSeconds = Math.max(figures.worstSeconds, (performance.now() - restartedAt) / 1000)
    figures.tried += 60
    figures.failed += await keysThatAreWrong(world, 60)
  }
  return figures
}

async function doubleClicks(open: Open): Promise<Figures> {
  await using world = await open()
  const figures = { tried: 0, failed: 0 }
  for (const person of await world.people(rounds * 10)) {
    await Promise.all(
      Array.from({ length: 50 }, () => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
    )
    figures.tried++
    if ((await world.db.mint.count()) !== figures.tried) figures.failed++
  }
  return figures
}

async function lastSeats(open: Open): Promise<Figures> {
  const figures = { tried: 0, failed: 0 }
  for (let round = 0; round < rounds; round++) {
    await using world = await open({ workshops: [makeWorkshop({ maxKeys: 100 })] })
    const outcomes = await claimAll(world, 300)
    figures.tried++
    if (outcomes.filter((outcome) => outcome.kind === 'queued').length !== 100) figures.failed++
  }
  return figures
}

async function claimAll(world: World, count: number) {
  const people = await world.people(count)
  const outcomes = await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
  )
  // A proof that waits for a key of everybody would wait for ever for one who was refused.
  if (count <= 200 && outcomes.some((outcome) => outcome.kind === 'refused'))
    throw new Error(
      `a claim was refused: ${JSON.stringify(outcomes.find((outcome) => outcome.kind === 'refused'))}`,
    )
  return outcomes
}

async function readyCount(world: World, wanted: number): Promise<void> {
  for (;;) {
    const ready = await world.db.workshopAttendance
      .count({ where: { state: 'ready' } })
      .catch(() => -1)
    if (ready >= wanted) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/**
 * After a reconcile pass: claims without exactly their key upstream, and keys upstream that no
 * claim holds.
 */
async function keysThatAreWrong(world: World, claims: number): Promise<number> {
  await reconcileKeys(world.ctx)
  const held = await world.db.workshopAttendance.findMany({
    where: { state: 'ready' },
    select: { orKeyHash: true },
  })
  const live = new Set((await world.liveKeys()).map((key) => key.hash))
  const missing = held.filter((claim) => !live.has(claim.orKeyHash ?? '')).length
  return claims - held.length + missing + (live.size - (held.length - missing))
}
