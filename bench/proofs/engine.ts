/**
 * What the engine promises, under crashes and races: burst after burst against stand-ins on real
 * ports and a Postgres that can be restarted. PROOF_ROUNDS (default 5) scales all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { claimKey } from '~/domain/claim/claim.server'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { migrate } from '../../prisma/migrate'
import { startPostgres, type Postgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { makeWorkshop, openWorld, type World, type WorldOptions } from '../../tests/world'
import type { Count, Proof } from './proof'

const workshopSlug = 'test-workshop'
const rounds = Number(process.env.PROOF_ROUNDS ?? 5)

type Counts = { tried: number; failed: number; worstSeconds?: number }

export const engineProofs: Proof[] = [
  proof(
    'kills',
    'a worker killed at a random moment of a burst: one live key for each claim, none else',
    killsInABurst,
  ),
  proof(
    'lost-answers',
    'work done, then connection reset on 30 % of creates: one live key for each claim, none else',
    lostAnswers,
  ),
  proof(
    'restarts',
    'Postgres restarted (immediate) in a burst: nothing lost, nothing doubled',
    databaseRestarts,
  ),
  proof('double-clicks', 'fifty clicks of one person at once: one claim', doubleClicks),
  proof('last-seats', 'three hundred people for a hundred seats: exactly a hundred', lastSeats),
]

/** On a Postgres of its own: one of them restarts it. */
function proof(
  name: string,
  what: string,
  run: (open: Open, postgres: Postgres) => Promise<Counts>,
): Proof {
  return {
    name,
    async run(): Promise<Count[]> {
      const postgres = await startPostgres({ durable: true })
      try {
        const template = await createTemplate(postgres.adminUrl, migrate)
        const open: Open = (options = {}) =>
          openWorld(options, { adminUrl: postgres.adminUrl, template })
        return [{ what, ...(await run(open, postgres)) }]
      } finally {
        await postgres.stop()
      }
    },
  }
}

type Open = (options?: WorldOptions) => Promise<World>

async function killsInABurst(open: Open): Promise<Counts> {
  const counts = { tried: 0, failed: 0, worstSeconds: 0 }
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
    counts.worstSeconds = Math.max(counts.worstSeconds, (performance.now() - killedAt) / 1000)
    counts.tried += 60
    counts.failed += await keysThatAreWrong(world, 60)
  }
  return counts
}

async function lostAnswers(open: Open): Promise<Counts> {
  const counts = { tried: 0, failed: 0 }
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
    counts.tried += 200
    counts.failed += await keysThatAreWrong(world, 200)
  }
  return counts
}

async function databaseRestarts(open: Open, server: Postgres): Promise<Counts> {
  const counts = { tried: 0, failed: 0, worstSeconds: 0 }
  for (let round = 0; round < rounds; round++) {
    await using world = await open()
    await world.faults({ latencyMs: 100 })
    await world.spawnWorker({ MINT_CONCURRENCY: '10' })
    await claimAll(world, 60)
    await readyCount(world, 10)
    await server.restart('immediate')
    const restartedAt = performance.now()
    await readyCount(world, 60)
    counts.worstSeconds = Math.max(counts.worstSeconds, (performance.now() - restartedAt) / 1000)
    counts.tried += 60
    counts.failed += await keysThatAreWrong(world, 60)
  }
  return counts
}

async function doubleClicks(open: Open): Promise<Counts> {
  await using world = await open()
  const counts = { tried: 0, failed: 0 }
  for (const person of await world.people(rounds * 10)) {
    await Promise.all(
      Array.from({ length: 50 }, () => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
    )
    counts.tried++
    if ((await world.db.mint.count()) !== counts.tried) counts.failed++
  }
  return counts
}

async function lastSeats(open: Open): Promise<Counts> {
  const counts = { tried: 0, failed: 0 }
  for (let round = 0; round < rounds; round++) {
    await using world = await open({ workshops: [makeWorkshop({ maxKeys: 100 })] })
    const outcomes = await claimAll(world, 300)
    counts.tried++
    if (outcomes.filter((outcome) => outcome.kind === 'queued').length !== 100) counts.failed++
  }
  return counts
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
    await sleep(50)
  }
}

/**
 * After a pass over the account: claims without exactly their key upstream, and keys upstream that no
 * claim holds.
 */
async function keysThatAreWrong(world: World, claims: number): Promise<number> {
  await readAccount(world.ctx, deploymentAccount)
  const held = await world.db.workshopAttendance.findMany({
    where: { state: 'ready' },
    select: { orKeyHash: true },
  })
  const live = new Set((await world.liveKeys()).map((key) => key.hash))
  const missing = held.filter((claim) => !live.has(claim.orKeyHash ?? '')).length
  return claims - held.length + missing + (live.size - (held.length - missing))
}
