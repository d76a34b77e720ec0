/**
 * A month begins while a transaction runs. Postgres's clock says which month it is, for the ledger as
 * for the windows of keys, so that no machine opens a month in which no key has set anything aside.
 */
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { usd } from '../../../tests/ledger'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import type { Ctx } from '../ctx'
import { rollMonths, setBudget } from '../money/budgets.server'
import { startOf } from '../money/month'
import { handOverKeys } from './hand-over.server'
import { changeCap, deleteSubKey, provisionSubKey, rotateSubKey } from './sub-key.server'
import { removeMember, setRole, suspendMember } from './team.server'

const midnight = startOf('2026-12-01').getTime()
const before = new Date(midnight - 1_000)
const after = new Date(midnight + 1_000)

type Stage = { world: TeamWorld; ctx: Ctx; userId: string; keyId: string; taker: string }
type Reset = 'monthly' | null

const keyOf = ({ world, userId, keyId }: Stage) => ({ teamId: world.teamId, userId, keyId })
const refOf = ({ world, userId }: Stage) => ({ teamId: world.teamId, userId })

/** Each on a member of its own with one key. */
const acts: Record<string, (stage: Stage) => Promise<{ kind: string }>> = {
  provision: (stage) => provision(stage.world, stage.ctx, stage.userId, 20, 'monthly'),
  raise: (stage) => changeCap(stage.ctx, keyOf(stage), { cap: usd(15), reason: 'midnight' }),
  lower: (stage) => changeCap(stage.ctx, keyOf(stage), { cap: usd(5), reason: 'midnight' }),
  rotate: (stage) => rotateSubKey(stage.ctx, keyOf(stage), 'midnight'),
  overlap: (stage) => rotateSubKey(stage.ctx, keyOf(stage), 'midnight', undefined, 24),
  delete: (stage) => deleteSubKey(stage.ctx, keyOf(stage), 'midnight'),
  'hand over': ({ world, ctx, userId, taker }) =>
    handOverKeys(ctx, {
      teamId: world.teamId,
      actorUserId: world.ownerId,
      from: userId,
      to: taker,
      reason: 'midnight',
    }),
  suspend: (stage) => suspendMember(stage.ctx, refOf(stage), stage.world.ownerId, 'midnight'),
  viewer: (stage) => setRole(stage.ctx, refOf(stage), 'viewer', stage.world.ownerId, 'midnight'),
  remove: (stage) => removeMember(stage.ctx, refOf(stage), stage.world.ownerId, 'midnight'),
}

const provision = (world: TeamWorld, ctx: Ctx, userId: string, cap: number, reset: Reset) =>
  provisionSubKey(ctx, {
    teamId: world.teamId,
    userId,
    masterKeyId: world.masterKeyId,
    purpose: 'at midnight',
    cap: usd(cap),
    reset,
    expiresAt: new Date(midnight + 60 * 86_400_000),
    models: [],
  })

async function openStage(reset: Reset) {
  const names = Object.keys(acts)
  const world = await openTeamWorld({
    members: names.length + 1,
    start: new Date(midnight - 3_600_000),
  })
  const [taker, ...others] = world.memberIds as [string, ...string[]]
  for (const userId of world.memberIds)
    await setBudget(
      world.ctx,
      { teamId: world.teamId, userId },
      { budget: usd(100), effective: 'now', reason: 'a test' },
      world.ownerId,
    )
  const stages = []
  for (const [index, userId] of others.entries()) {
    const asked = await provision(world, world.ctx, userId, 10, reset)
    if (asked.kind !== 'queued') throw new Error(asked.reason)
    expect(await world.mint(asked.keyId)).toBe(true)
    const { keyHash } = await world.db.apiKey.findUniqueOrThrow({ where: { id: asked.keyId } })
    world.service.use(keyHash!, usd(3), 0n)
    stages.push({ name: names[index]!, userId, keyId: asked.keyId })
  }
  await world.read()
  return { world, taker, stages }
}

const cases = [
  { what: 'the clock of the machine is ahead', database: before, machine: after, open: false },
  { what: 'the clock of the machine is behind', database: after, machine: before, open: false },
  { what: 'it waited for a lock over midnight', database: before, machine: after, open: true },
]

test.each(cases.flatMap((one) => [null, 'monthly' as const].map((reset) => ({ ...one, reset }))))(
  'a month begins while a key changes, and $what (reset: $reset)',
  { timeout: 120_000 },
  async ({ database, machine, open, reset }) => {
    const { world: opened, taker, stages } = await openStage(reset)
    await using world = opened
    if (open) {
      await world.setClock(after)
      await rollMonths(world.ctx)
    }
    // Also backwards: what began before midnight goes by the time at which it began.
    await world.db.$executeRaw`update keymint.test_clock set at = ${database}::timestamptz`
    const ctx = { ...world.ctx, now: () => machine }
    const began = open || database === after
    for (const { name, userId, keyId } of stages) {
      const outcome = await acts[name]!({ world, ctx, userId, keyId, taker })
      // A key whose old month is not read yet changes no hands, and the page says so.
      const waits = name === 'hand over' && began && reset !== null
      expect([name, outcome.kind]).toEqual([
        name,
        waits ? 'refused' : expect.not.stringMatching('refused'),
      ])
      await checkLedger(world)
    }
    const months = await world.db.budgetMonth.count({ where: { month: startOf('2026-12-01') } })
    expect(months > 0).toBe(began)
    await world.setClock(new Date(midnight + 60_000))
    await rollMonths(world.ctx)
    await checkLedger(world)
    await world.letSettle()
    await checkLedger(world)
  },
)
