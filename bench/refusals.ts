/**
 * A burst of claims at a provider that refuses: some calls by chance, more than so many at once, or
 * more than so many a second. The worker is a process of its own. Each run begins with what the run
 * before has learnt, as an event after a rehearsal; `first` rows begin with an account that nothing
 * is known of. Prints numbers, asserts nothing. BENCH_RUNS and BENCH_CLAIMS change the size.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { claimKey } from '~/domain/claim/claim.server'
import { paceFrom } from '~/domain/keys/pace'
import { migrate } from '../prisma/migrate'
import { createTemplate } from '../simulators/postgres/template'
import { startPostgres } from '../simulators/postgres/server'
import { openWorld, type World } from '../tests/world'

const callMs = 300
const claims = Number(process.env.BENCH_CLAIMS ?? 200)
const runs = Number(process.env.BENCH_RUNS ?? 3)
const warmUp = 40
const slug = 'test-workshop'
const roundsMs = (atOnce: number) => (claims * callMs) / atOnce

type Case = {
  name: string
  atOnce: number
  faults: object
  idealMs: number
}
const chance = [
  { match: 'POST /keys', fault: '429', rate: 0.05, retryAfterSeconds: 1 },
  { match: 'POST /keys', fault: '500', rate: 0.02 },
]
const cases: Case[] = [
  { name: 'nothing wrong, 25 at once', atOnce: 25, faults: {}, idealMs: roundsMs(25) },
  {
    name: '5 % are 429 (Retry-After 1) and 2 % are 500, 25 at once',
    atOnce: 25,
    faults: { rules: chance },
    idealMs: roundsMs(25),
  },
  {
    name: 'the provider takes 25 at once, MINT_CONCURRENCY=100',
    atOnce: 100,
    faults: { createsAtOnce: 25 },
    idealMs: roundsMs(25),
  },
  {
    name: 'the provider takes 20 a second, burst 20',
    atOnce: 25,
    faults: { createsPerSecond: { rate: 20, burst: 20 } },
    idealMs: ((claims - 20) / 20) * 1_000,
  },
]

type Outcome = {
  ratio: number
  half: number
  refused: number
  calls: number
  limit: number
  rate: number | null
}

const line = ({ ratio, half, refused, calls, limit, rate }: Outcome) =>
  `${ratio.toFixed(2)} of the ideal (half after ${half.toFixed(2)}), ` +
  `${((refused / calls) * 100).toFixed(1)} % of ${calls} calls refused, then ${limit} at once` +
  (rate === null ? '' : `, ${rate.toFixed(1)} a second`)

async function claimAll(world: World, count: number): Promise<void> {
  const people = await world.people(count)
  const before = await saved(world)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  while ((await saved(world)) < before + count) await sleep(100)
}

const saved = (world: World) =>
  world.db.workshopAttendance.count({ where: { keySavedAt: { not: null } } })

async function burst(world: World, one: Case): Promise<Outcome> {
  await world.call('/__sim/calls', { method: 'DELETE' })
  const [start] = await world.db.$queryRaw<{ at: Date }[]>`select clock_timestamp() as at`
  await claimAll(world, claims)
  const [end] = await world.db.$queryRaw<{ last: number; half: number }[]>`
    select extract(epoch from max(key_saved_at) - ${start!.at}::timestamptz)::float8 * 1000 as last,
      extract(epoch from percentile_disc(0.5) within group (order by key_saved_at)
        - ${start!.at}::timestamptz)::float8 * 1000 as half
    from keymint.workshop_attendance where key_saved_at > ${start!.at}::timestamptz`
  const { statuses } = await world.call<{ statuses: Record<string, Record<string, number>> }>(
    '/__sim/calls',
  )
  const answers = Object.entries(statuses['POST /keys'] ?? {})
  const calls = answers.reduce((sum, [, count]) => sum + count, 0)
  const refused = answers.reduce((sum, [status, n]) => sum + (status === '201' ? 0 : n), 0)
  const { pace } = await world.db.account.findFirstOrThrow({ where: { masterKeyId: null } })
  const learnt = paceFrom(pace)
  return {
    ratio: end!.last / one.idealMs,
    half: end!.half / one.idealMs,
    refused,
    calls,
    limit: learnt.limit,
    rate: learnt.perSecond,
  }
}

const only = process.env.BENCH_CASE
const postgres = await startPostgres({ durable: true })
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  for (const one of cases.filter(({ name }) => only === undefined || name.includes(only))) {
    process.stdout.write(`${one.name}\n`)
    const ratios: number[] = []
    for (let run = 0; run < runs; run++) {
      await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
      await world.faults({ latencyMs: callMs, seed: run + 1 })
      await world.spawnWorker({ MINT_CONCURRENCY: String(one.atOnce), LOG_LEVEL: 'info' })
      // Processes that have been running have compiled their code and opened their connections.
      await claimAll(world, warmUp)
      await world.db
        .$executeRaw`update keymint.accounts set pace = null, pace_version = pace_version + 1`
      await sleep(1_200)
      await world.faults({ ...one.faults, seed: run + 1 })
      for (const what of ['first', 'again'] as const) {
        const outcome = await burst(world, one)
        if (what === 'first') ratios.push(outcome.ratio)
        process.stdout.write(`  run ${run + 1} ${what}  ${line(outcome)}\n`)
        // A bucket is full again, and the account's minute of memory is not over.
        await sleep(1_500)
      }
    }
    ratios.sort((a, b) => a - b)
    const median = ratios[Math.floor(ratios.length / 2)] ?? NaN
    process.stdout.write(
      `  median of first: ${median.toFixed(2)} of the ideal ${(one.idealMs / 1e3).toFixed(1)} s\n`,
    )
  }
} finally {
  await postgres.stop()
}
process.exit(0)
