/**
 * The ledger under a long, seeded random walk over the real database: everything that moves a
 * member's money, with calls that fail before and after their effect and processes that stop
 * between two steps. The equation is checked after every step. A failure prints the seed;
 * KEYMINT_WALK_SEED repeats it.
 */
import pLimit from 'p-limit'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { keyAtHand, steps, usd } from '../../../tests/ledger-steps'
import { Crash } from '../../../tests/memory-service'
import { mulberry32 } from '../../../tests/rng'
import { runsInFull } from '../../../tests/rounds'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { deleteSubKey } from '../team/sub-key.server'
import { setBudget } from './budgets.server'

// eslint-disable-next-line no-restricted-properties -- how a person repeats a failed walk
const seed = Number(process.env.KEYMINT_WALK_SEED ?? Date.now() % 1_000_000_007)
// Several teams, because the check after each step reads everything that came before it.
const walks = runsInFull ? 16 : 4
const walksAtOnce = 4
const stepsEach = runsInFull ? 1_250 : 250

test(
  `${walks * stepsEach} random operations keep allocated = committed + spent + free (seed ${seed})`,
  { timeout: runsInFull ? 3_600_000 : 600_000 },
  async () => {
    const limit = pLimit(walksAtOnce)
    const done = await Promise.all(
      Array.from({ length: walks }, (_, index) => limit(() => walk(seed + index))),
    )
    const total = new Map<string, number>()
    for (const counts of done)
      for (const [name, count] of counts) total.set(name, (total.get(name) ?? 0) + count)
    expect([...total.values()].reduce((sum, count) => sum + count, 0)).toBe(walks * stepsEach)
    // A walk that changes nothing would keep any equation.
    for (const name of [
      'provision',
      'use',
      'delete',
      'rotate',
      'raise-or-lower',
      'roll',
      'remove',
      'apply',
      'expire',
      'budget',
      'correct',
      'hand-over',
      'top-up',
    ])
      expect(total.get(name) ?? 0, name).toBeGreaterThanOrEqual(runsInFull ? 20 : walks)
  },
)

async function walk(walkSeed: number): Promise<Map<string, number>> {
  await using world = await openTeamWorld({ members: 3 })
  const random = mulberry32(walkSeed)
  const below = (most: number) => Math.floor(random() * most)
  const faults = [
    'refused-before',
    'lost-after',
    'crash-before',
    'crash-after',
    'rejected',
  ] as const
  world.service.nextFault = () =>
    below(5) === 0 ? (faults[below(faults.length)] ?? 'none') : 'none'
  crashBetweenSteps(world, random)
  const counts = new Map<string, number>()
  const weights = steps.reduce((sum, step) => sum + step.weight, 0)
  for (const member of world.memberIds)
    await setBudget(
      world.ctx,
      { teamId: world.teamId, userId: member },
      { budget: usd(10_000), effective: 'now', reason: 'walk' },
      world.ownerId,
    ).catch(ignoreCrash)
  for (let index = 0; index < stepsEach; index++) {
    let pick = random() * weights
    // Every kind of step once, and then by their weights.
    const step = steps[index] ?? steps.find(({ weight }) => (pick -= weight) < 0) ?? steps[0]!
    const member = world.memberIds[below(world.memberIds.length)]!
    const key = await keyAtHand(world, member, step.name === 'mint' ? 'pending' : 'ready', below)
    try {
      await step.run({ world, random, below, member, key }).catch(ignoreCrash)
      // The member that the step can have touched; all members from time to time, and after steps
      // that touch several.
      await checkLedger(
        world,
        index % 50 === 0 || ['sync', 'expire', 'roll', 'apply', 'hand-over'].includes(step.name)
          ? null
          : member,
      )
    } catch (error) {
      throw new Error(
        `step ${index} (${step.name}) with seed ${walkSeed}, of a walk with KEYMINT_WALK_SEED=${seed}: ` +
          (error instanceof Error ? error.message : String(error)),
        { cause: error },
      )
    }
    counts.set(step.name, (counts.get(step.name) ?? 0) + 1)
  }
  world.service.nextFault = () => 'none'
  await settleEverything(world)
  return counts
}

/** A process that crashes before its transaction, or after COMMIT and before its answer. */
function crashBetweenSteps(world: TeamWorld, random: () => number): void {
  const { db } = world
  const real = db.$transaction.bind(db) as (run: unknown, options?: unknown) => Promise<unknown>
  const dying = async (run: unknown, options?: unknown) => {
    const fate = random()
    if (fate < 0.01) throw new Crash('before the transaction')
    const result = await real(run, options)
    if (fate > 0.99) throw new Crash('after the commit')
    return result
  }
  world.ctx.db = new Proxy(db, {
    get: (target, name) => (name === '$transaction' ? dying : Reflect.get(target, name)) as unknown,
  })
}

function ignoreCrash(error: unknown): void {
  if (!(error instanceof Crash)) throw error
}

/**
 * At the end every key ends and is read for the last time, and the books of both sides agree to the
 * nano-dollar.
 */
async function settleEverything(world: TeamWorld): Promise<void> {
  const { db } = world
  world.ctx.db = db
  for (let round = 0; round < 12; round++) {
    for (const { id, userId } of await db.apiKey.findMany({
      where: { state: { in: ['pending', 'ready'] } },
    }))
      await deleteSubKey(world.ctx, { teamId: world.teamId, keyId: id, userId }, 'the end')
    for (const { id, userId } of await db.apiKey.findMany({
      where: { state: { in: ['pending', 'ready'] } },
    }))
      await deleteSubKey(
        world.ctx,
        { teamId: world.teamId, keyId: id, userId: world.ownerId || userId },
        'the end',
      )
    await world.sweep()
    await world.moveClock(200_000)
    await world.read()
  }
  await checkLedger(world)
  const [sums] = await db.$queryRaw<{ committed: string; spent: string; open: number }[]>`
    select (select sum(committed_usd)::text from keymint.budget_months) as committed,
      ((select sum(spent_usd) from keymint.budget_months)
        - (select sum(corrected_usd) from keymint.key_months))::text as spent,
      (select count(*)::int from keymint.api_keys where state in ('pending', 'ready')
        or (state = 'ended' and key_hash is not null and settled_at is null))
        + (select count(*)::int from keymint.keys where saved_at is not null and settled_at is null) as open`
  const upstream = [...world.service.keys.values()].reduce((sum, key) => sum + key.usage, 0n)
  expect(sums?.open).toBe(0)
  expect(Number(sums?.committed)).toBe(0)
  expect(BigInt((sums?.spent ?? '').replace('.', ''))).toBe(upstream)
  // What the provider ended by itself was asked for nothing more; nothing else works any more.
  expect([...world.service.keys.values()].filter((key) => world.service.left(key) > 0n)).toEqual([])
  // Closed, and nothing is out or in doubt that may still land.
  const rows = await db.key.findMany({ where: { savedAt: { not: null } } })
  expect(rows.filter((row) => row.closedAt === null || row.callSentAt !== null)).toEqual([])
}
