/**
 * Two tabs, or a member and an owner, at the same moment: together they cannot commit more than is
 * free.
 */
import { expect, test } from 'vitest'
import { openTeamWorld, type TeamWorld } from '../../../tests/team-world'
import { changeCap, provisionSubKey } from '../team/sub-key.server'
import { setBudget } from './budgets.server'

const usd = (amount: number) => BigInt(amount) * 1_000_000_000n
const races = 500

test(
  '500 races of two requests for the same money: one wins each, and never both',
  { timeout: 300_000 },
  async () => {
    await using world = await openTeamWorld({ members: 0 })
    const wins: number[] = []
    for (let start = 0; start < races; start += 10) {
      wins.push(
        ...(await Promise.all(
          Array.from({ length: 10 }, (_, index) => race(world, start + index)),
        )),
      )
    }
    expect(wins).toHaveLength(races)
    expect(wins.filter((count) => count !== 1)).toEqual([])
    const [over] = await world.db.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from keymint.budget_months where free_usd < 0
      or committed_usd + spent_usd > allocated_usd`
    expect(over?.count).toBe(0)
  },
)

test('the database itself refuses a commitment beyond what is free', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const userId = world.memberIds[0]!
  await setBudget(
    world.ctx,
    { teamId: world.teamId, userId },
    { budget: usd(10), effective: 'now', reason: 'test' },
    world.holderId,
  )
  const keyId = await provision(world, userId, 4)
  const commit = (amount: string) => world.db.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account, amount_usd,
      api_key_id, actor)
    values (now(), ${world.teamId}::uuid, ${userId}, '2026-11-01', 'commit', 'free', 'committed',
      ${amount}::numeric, ${keyId}::uuid, 'worker')`
  await expect(commit('6.000000001')).rejects.toThrow(/more than is free/)
  await commit('6')
  expect(
    (await world.db.budgetMonth.findFirstOrThrow({ where: { userId } })).freeUsd.toNumber(),
  ).toBe(0)
})

test('balances are changed by postings alone, and postings by nothing', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const userId = world.memberIds[0]!
  await setBudget(
    world.ctx,
    { teamId: world.teamId, userId },
    { budget: usd(10), effective: 'now', reason: 'test' },
    world.holderId,
  )
  await provision(world, userId, 4)
  const { db } = world
  await expect(
    db.$executeRaw`
      update keymint.budget_months set free_usd = free_usd + 1, allocated_usd = allocated_usd + 1`,
  ).rejects.toThrow(/by postings alone/)
  await expect(db.$executeRaw`delete from keymint.key_months`).rejects.toThrow(/by postings alone/)
  await expect(db.$executeRaw`update keymint.key_months set committed_usd = 0`).rejects.toThrow(
    /by postings alone/,
  )
  await expect(
    db.$executeRaw`
      insert into keymint.budget_months (team_id, user_id, month, allocated_usd, free_usd)
        values (${world.teamId}::uuid, ${userId}, '2030-01-01', 5, 5)`,
  ).rejects.toThrow(/by postings alone/)
  await expect(db.$executeRaw`update keymint.transactions set amount_usd = 1`).rejects.toThrow(
    /append-only/,
  )
  await expect(db.$executeRaw`delete from keymint.transactions`).rejects.toThrow(/append-only/)
  await expect(db.$executeRaw`truncate keymint.key_months`).rejects.toThrow(/append-only/)
  await expect(db.$executeRaw`truncate keymint.transactions cascade`).rejects.toThrow(/append-only/)
  await expect(db.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account, amount_usd,
      actor)
    values (now(), ${world.teamId}::uuid, ${userId}, '2026-11-01', 'allocate', 'spent', 'free', 1,
      'worker')`).rejects.toThrow(/transaction_accounts/)
})

async function race(world: TeamWorld, index: number): Promise<number> {
  const userId = `github:racer-${index}`
  await world.db.attendee.create({
    data: { userId, displayName: `Racer ${index}`, authProvider: 'github' },
  })
  await world.db.teamMember.create({ data: { teamId: world.teamId, userId, role: 'member' } })
  await setBudget(
    world.ctx,
    { teamId: world.teamId, userId },
    { budget: usd(10), effective: 'now', reason: 'test' },
    world.holderId,
  )
  const tab = () => tryProvision(world, userId, 6)
  const raise = (keyId: string, actor: string) =>
    changeCap(
      world.ctx,
      { teamId: world.teamId, keyId, userId: actor },
      { cap: usd(7), reason: 'race' },
    )
  const [first, second] =
    index % 3 === 0 ? [null, null] : [await ready(world, userId), await ready(world, userId)]
  const contenders =
    index % 3 === 0
      ? [tab(), tab()]
      : index % 3 === 1
        ? [raise(first!, userId), raise(second!, world.holderId)]
        : [raise(first!, userId), tab()]
  const outcomes = await Promise.all(contenders)
  return outcomes.filter(({ kind }) => kind === 'queued' || kind === 'asked').length
}

async function ready(world: TeamWorld, userId: string): Promise<string> {
  const keyId = await provision(world, userId, 1)
  await world.mint(keyId)
  return keyId
}

function tryProvision(world: TeamWorld, userId: string, amount: number) {
  return provisionSubKey(world.ctx, {
    teamId: world.teamId,
    userId,
    masterKeyId: world.masterKeyId,
    purpose: 'a race',
    cap: usd(amount),
    reset: null,
    expiresAt: new Date(world.ctx.now().getTime() + 86_400_000),
    models: [],
  })
}

async function provision(world: TeamWorld, userId: string, amount: number): Promise<string> {
  const outcome = await tryProvision(world, userId, amount)
  if (outcome.kind !== 'queued')
    throw new Error(
      JSON.stringify(outcome, (_, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      ),
    )
  return outcome.keyId
}
