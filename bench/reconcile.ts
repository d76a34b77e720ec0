/**
 * What 10,000 giveaway keys cost: calls upstream for each hundred keys, and how long a pass takes.
 * BENCH_KEYS changes the number. Prints numbers, asserts nothing; reconcile-scale.test.ts holds the
 * counts with fewer keys.
 */
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { planReconcile } from '~/domain/keys/reconcile.server'
import { migrate } from '../prisma/migrate'
import { seedClaims } from '../tests/seed-claims'
import { startPostgres } from '../simulators/postgres/server'
import { createTemplate } from '../simulators/postgres/template'
import { makeWorkshop, openWorld, usd } from '../tests/world'

const count = Number(process.env.BENCH_KEYS ?? 10_000)
const gift = makeWorkshop({
  slug: 'gift',
  kind: 'giveaway',
  keyLimit: usd(0.25),
  keyLimitReset: 'daily',
  keyExpiresAt: null,
  keyExpiresInMs: 90 * 86_400_000,
  poolLimit: null,
  maxKeys: count,
})

const postgres = await startPostgres({ durable: true })
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using world = await openWorld(
    { workshops: [gift] },
    { adminUrl: postgres.adminUrl, template },
  )
  await seedClaims(world, gift.slug, count)
  process.stdout.write(`${count} keys\n`)
  for (const [what, work] of [
    ['read-account, the scheduled pass', () => readAccount(world.ctx, deploymentAccount)],
    ['read-account, the second pass', () => readAccount(world.ctx, deploymentAccount)],
    ['reconcile, the whole check (keys and assignments)', () => planReconcile(world.ctx)],
  ] as const) {
    await world.call('/__sim/calls', { method: 'DELETE' })
    const startedAt = performance.now()
    await work()
    const seconds = (performance.now() - startedAt) / 1000
    const calls = await world.calls()
    const lists = ['GET /keys', 'GET /guardrails/{id}/assignments/keys'].flatMap((call) =>
      calls[call] ? [`${((calls[call] * 100) / count).toFixed(2)} ${call}`] : [],
    )
    const others = Object.entries(calls)
      .filter(([call]) => !lists.some((list) => list.endsWith(` ${call}`)))
      .reduce((sum, [, times]) => sum + times, 0)
    const perHundred = `${lists.join(', ')} for each hundred keys`
    process.stdout.write(
      `${seconds.toFixed(2).padStart(8)} s   ${perHundred}, ${others} other calls   ${what}\n`,
    )
  }
} finally {
  await postgres.stop()
}
process.exit(0)
