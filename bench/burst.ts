/**
 * How close a burst of claims comes to the ideal, and what one quiet claim costs beyond its
 * upstream calls. Prints numbers, asserts nothing. The worker is a process of its own, as in
 * production; claims are made through the domain, without HTTP, so that the ratio speaks of the
 * engine alone.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Claimant } from '~/domain/claim/admission'
import { claimKey } from '~/domain/claim/claim.server'
import { migrate } from '../prisma/migrate'
import { createTemplate } from '../simulators/postgres/template'
import { startPostgres } from '../simulators/postgres/server'
import { openWorld, type World } from '../tests/world'

const callMs = 300
const slots = 25
const burst = 200
const warmUp = 50
const workshopSlug = 'test-workshop'

const postgres = await startPostgres({ durable: true })
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  const runs = Number(process.env.BENCH_RUNS ?? 3)
  for (let run = 1; run <= runs; run++) {
    await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
    await world.faults({ latencyMs: callMs })
    await world.spawnWorker({ MINT_CONCURRENCY: String(slots), LOG_LEVEL: 'info' })
    print(run, 'quiet claim, ms beyond its two upstream calls', await quietClaim(world))
    // Not counted: processes that have been running have compiled their code and opened their
    // connections.
    await claimAtOnce(world, await world.people(warmUp))
    const counts = await burstOfClaims(world)
    print(
      run,
      `saved: ${burst} claims over the ideal of ${burst} x ${callMs} ms / ${slots}`,
      counts.savedRatio,
    )
    print(run, 'bound: call times after the last save', counts.boundCallTimes)
    print(run, 'management calls per key', counts.callsPerKey)
  }
} finally {
  await postgres.stop()
}
process.exit(0)

function print(run: number, what: string, value: number) {
  process.stdout.write(`run ${run}  ${value.toFixed(3).padStart(9)}  ${what}\n`)
}

/** The guardrail is made by this first claim; the second is the quiet one that counts. */
async function quietClaim(world: World): Promise<number> {
  let beyond = 0
  for (let round = 0; round < 2; round++) {
    const [person] = await world.people(1)
    const startedAt = performance.now()
    await claimKey(world.ctx, { workshopSlug, person: person!, optIn: false })
    const finishedAt = await until(async () => {
      const claim = await world.db.workshopAttendance.findUnique({
        where: { userId_workshopSlug: { userId: person!.userId, workshopSlug } },
      })
      return claim?.guardrailAttachedAt != null
    }, 5)
    beyond = finishedAt - startedAt - 2 * callMs
  }
  return beyond
}

/** Claims of all these people at once, until every key is bound. */
async function claimAtOnce(world: World, people: Claimant[]): Promise<void> {
  const boundBefore = await countBound(world)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug, person, optIn: false })),
  )
  await until(async () => (await countBound(world)) === boundBefore + people.length, 200)
}

function countBound(world: World): Promise<number> {
  return world.db.workshopAttendance.count({ where: { guardrailAttachedAt: { not: null } } })
}

async function burstOfClaims(world: World) {
  const people = await world.people(burst)
  await world.call('/__sim/calls', { method: 'DELETE' })
  const [start] = await world.db.$queryRaw<{ at: Date }[]>`select clock_timestamp() as at`
  await claimAtOnce(world, people)
  // Read from the rows afterwards: watching closely would take the cores that are being measured.
  const [end] = await world.db.$queryRaw<{ saved: number; bound: number }[]>`
    select extract(epoch from max(key_saved_at) - ${start!.at}::timestamptz)::float8 * 1000 as saved,
      extract(epoch from max(guardrail_attached_at) - max(key_saved_at))::float8 * 1000 as bound
        from keymint.workshop_attendance`
  const calls = Object.values(await world.calls()).reduce((sum, count) => sum + count, 0)
  return {
    savedRatio: end!.saved / ((burst * callMs) / slots),
    boundCallTimes: end!.bound / callMs,
    callsPerKey: calls / burst,
  }
}

async function until(reached: () => Promise<boolean>, everyMs: number): Promise<number> {
  for (;;) {
    if (await reached()) return performance.now()
    await sleep(everyMs)
  }
}
