/**
 * The turns of calls that make keys, without the rest of the engine: 200 calls of 300 ms at a
 * provider with limits, in this process, over a real database. What is lost against the ideal here
 * is lost by the pace alone, and a busy machine disturbs it little. Prints numbers, asserts nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { createCallPace } from '~/domain/keys/call-pace.server'
import type { CallEnd } from '~/domain/call-pace'
import { migrate } from '../prisma/migrate'
import { createTemplate } from '../simulators/postgres/template'
import { startPostgres } from '../simulators/postgres/server'
import { openWorld, type World } from '../tests/world'

const calls = 200
const callMs = 300
const retryAfterMs = 1_000
const runs = Number(process.env.BENCH_RUNS ?? 5)

type Limits = { atOnce?: number; rate?: number; burst?: number; chance?: number }
type Case = { name: string; ceiling: number; workers?: number; limits: Limits; idealMs: number }
const rounds = (atOnce: number) => (calls * callMs) / atOnce
const cases: Case[] = [
  { name: 'nothing wrong, 25 at once', ceiling: 25, limits: {}, idealMs: rounds(25) },
  {
    name: '7 % refused by chance, 25 at once',
    ceiling: 25,
    limits: { chance: 0.07 },
    idealMs: rounds(25),
  },
  {
    name: 'the provider takes 25 at once, ceiling 100',
    ceiling: 100,
    limits: { atOnce: 25 },
    idealMs: rounds(25),
  },
  {
    name: 'the same, two workers',
    ceiling: 100,
    workers: 2,
    limits: { atOnce: 25 },
    idealMs: rounds(25),
  },
  {
    name: 'the provider takes 20 a second, burst 20',
    ceiling: 25,
    limits: { rate: 20, burst: 20 },
    idealMs: ((calls - 20) / 20) * 1_000,
  },
]

function provider({ atOnce = Infinity, rate = 0, burst = Infinity, chance = 0 }: Limits) {
  let [running, tokens, filledAt, refused] = [0, burst, performance.now(), 0]
  return {
    refused: () => refused,
    async call(): Promise<CallEnd> {
      const now = performance.now()
      tokens = Math.min(burst, tokens + ((now - filledAt) * rate) / 1_000)
      filledAt = now
      if (running >= atOnce || tokens < 1 || Math.random() < chance) {
        refused++
        await sleep(5)
        return 'refused'
      }
      tokens--
      running++
      await sleep(callMs)
      running--
      return 'accepted'
    },
  }
}

async function runOnce(world: World, one: Case): Promise<{ ratio: number; refused: number }> {
  await world.db
    .$executeRaw`update keymint.accounts set pace = null, pace_version = pace_version + 1`
  await world.db.$executeRaw`delete from keymint.pace_leases`
  const workers = Array.from({ length: one.workers ?? 1 }, () =>
    createCallPace({ db: world.db, log: world.ctx.log, ceiling: one.ceiling }),
  )
  for (const worker of workers) (await worker.take(deploymentAccount)).unused()
  const upstream = provider(one.limits)
  const startedAt = performance.now()
  let lastAt = startedAt
  await Promise.all(
    Array.from({ length: calls }, async (_, index) => {
      for (let first = false; ; first = true) {
        const turn = await workers[index % workers.length]!.take(deploymentAccount, { first })
        turn.sent()
        const how = await upstream.call()
        if (how === 'accepted') lastAt = performance.now()
        void turn.end(how)
        if (how === 'accepted') return
        await sleep(retryAfterMs)
      }
    }),
  )
  const refused = upstream.refused()
  return { ratio: (lastAt - startedAt) / one.idealMs, refused: refused / (calls + refused) }
}

const median = (numbers: number[]) =>
  numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN

const postgres = await startPostgres({ durable: true })
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
  for (const one of cases.filter(({ name }) => name.includes(process.env.BENCH_CASE ?? ''))) {
    const seen = []
    for (let run = 0; run < runs; run++) {
      seen.push(await runOnce(world, one))
      await sleep(2_500)
    }
    const ratios = seen.map(({ ratio }) => ratio)
    process.stdout.write(
      `${median(ratios).toFixed(2)} of the ideal (${Math.min(...ratios).toFixed(2)} to ` +
        `${Math.max(...ratios).toFixed(2)}), ${(median(seen.map(({ refused }) => refused)) * 100).toFixed(1)} % ` +
        `refused   ${one.name}\n`,
    )
  }
} finally {
  await postgres.stop()
}
process.exit(0)
