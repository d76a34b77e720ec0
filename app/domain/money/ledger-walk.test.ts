/**
 * The ledger under a long, seeded random walk over the real database: everything that moves a
 * member's money, with calls that fail before and after their effect and processes that die between
 * two steps. The equation is checked after every step. A failure prints the seed; KEYMINT_WALK_SEED
 * repeats it.
 */
import pLimit from 'p-limit'
import { expect, test } from 'vitest'
import { Crash, openTeamWorld, type TeamWorld } from '../../../tests/team-world'
import { applySubKey } from '../team/apply.server'
import { endExpiredSubKeys, syncSubKeys } from '../team/sync.server'
import { changeCap, deleteSubKey, provisionSubKey, rotateSubKey } from '../team/sub-key.server'
import { recordSubKeyReading } from '../team/reading.server'
import { acceptInvitation, invite } from '../team/invitations.server'
import { removeMember, resumeMember, suspendMember } from '../team/team.server'
import { decideRequest, requestMore, rollMonths, setBudget } from './budgets.server'
import { monthOf, nextMonth, startOf } from './month'

// eslint-disable-next-line no-restricted-properties -- how a person repeats a failed walk
const seed = Number(process.env.KEYMINT_WALK_SEED ?? Date.now() % 1_000_000_007)
// Several teams in turn, because the check after each step reads all that has come before it.
const walks = 16
const walksAtOnce = 4
const stepsEach = 1_250

test(
  `20,000 random operations keep allocated = committed + spent + free (seed ${seed})`,
  { timeout: 600_000 },
  async () => {
    const limit = pLimit(walksAtOnce)
    const done = await Promise.all(
      Array.from({ length: walks }, (_, index) => limit(() => walk(seed + index))),
    )
    const total = new Map<string, number>()
    for (const counts of done)
      for (const [name, count] of counts) total.set(name, (total.get(name) ?? 0) + count)
    expect([...total.values()].reduce((sum, count) => sum + count, 0)).toBe(walks * stepsEach)
    // A walk that never got anywhere would keep any equation.
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
    ])
      expect(total.get(name) ?? 0, name).toBeGreaterThan(20)
  },
)

type Step = { name: string; weight: number; run: (walk: Walk) => Promise<unknown> }
type Walk = {
  world: TeamWorld
  random: () => number
  below: (most: number) => number
  member: string
  key: KeyAtHand | null
}
type KeyAtHand = {
  id: string
  state: string
  keyHash: string | null
  generation: number
  userId: string
}

const usd = (cents: number) => BigInt(cents) * 10_000_000n

const steps: Step[] = [
  {
    name: 'budget',
    weight: 6,
    run: ({ world, below, member }) =>
      setBudget(
        world.ctx,
        { teamId: world.teamId, userId: member },
        {
          budget: usd(below(20_000)),
          effective: below(4) === 0 ? 'next-month' : 'now',
          reason: 'walk',
        },
        world.holderId,
      ),
  },
  {
    name: 'ask',
    weight: 2,
    run: async ({ world, below, member }) => {
      await requestMore(
        world.ctx,
        { teamId: world.teamId, userId: member },
        { more: usd(1 + below(3_000)), reason: 'walk' },
      )
      const open = await world.db.budgetRequest.findFirst({ where: { state: 'open' } })
      if (open)
        await decideRequest(world.ctx, {
          teamId: world.teamId,
          requestId: open.id,
          actorUserId: world.holderId,
          decision: below(2) === 0 ? 'approved' : 'refused',
          reason: '',
        })
    },
  },
  {
    name: 'provision',
    weight: 14,
    run: async ({ world, below, member }) => {
      const cap = usd(1 + below(4_000))
      const free = await freeOf(world, member)
      const outcome = await provisionSubKey(world.ctx, {
        teamId: world.teamId,
        userId: member,
        masterKeyId: world.masterKeyId,
        purpose: 'walk',
        cap,
        reset: below(2) === 0 ? 'monthly' : null,
        expiresAt: new Date(world.ctx.now().getTime() + 3_600_000 * (1 + below(24 * 50))),
        models: [],
      })
      if (outcome.kind === 'queued' && free !== null && cap > free)
        throw new Error(`${cap} was committed where ${free} was free`)
    },
  },
  {
    name: 'mint',
    weight: 16,
    run: ({ world, key, below }) =>
      key?.state === 'pending'
        ? below(12) === 0
          ? world.refuseMint(key.id)
          : world.mint(key.id)
        : Promise.resolve(),
  },
  {
    name: 'use',
    weight: 30,
    run: async ({ world, key, below }) => {
      if (!key?.keyHash) return
      world.service.use(
        key.keyHash,
        usd(below(900)) + BigInt(below(9_999_999)),
        below(30) === 0 ? usd(below(50)) : 0n,
      )
      const askedAt = world.ctx.now()
      const reading = (await world.service.readUsage([key.keyHash])).get(key.keyHash)
      if (reading)
        await recordSubKeyReading(
          world.ctx,
          { keyId: key.id, generation: key.generation, ...reading },
          askedAt,
        )
    },
  },
  {
    name: 'late',
    weight: 6,
    run: ({ world, below }) => {
      const counting = world.service.stillCounting()
      const key = counting[below(counting.length)]
      if (key) world.service.countLate(key, usd(below(40)) + 7n)
      return Promise.resolve()
    },
  },
  {
    name: 'raise-or-lower',
    weight: 10,
    run: ({ world, key, below }) =>
      key
        ? changeCap(
            world.ctx,
            { teamId: world.teamId, keyId: key.id, userId: key.userId },
            { cap: usd(1 + below(5_000)), reason: 'walk' },
          )
        : Promise.resolve(),
  },
  {
    name: 'rotate',
    weight: 4,
    run: ({ world, key }) =>
      key
        ? rotateSubKey(
            world.ctx,
            { teamId: world.teamId, keyId: key.id, userId: key.userId },
            'walk',
          )
        : Promise.resolve(),
  },
  {
    name: 'delete',
    weight: 4,
    run: ({ world, key }) =>
      key
        ? deleteSubKey(
            world.ctx,
            { teamId: world.teamId, keyId: key.id, userId: key.userId },
            'walk',
          )
        : Promise.resolve(),
  },
  {
    name: 'apply',
    weight: 20,
    run: async ({ world }) => {
      const [due] = await world.db.$queryRaw<{ id: string }[]>`
        select id from keymint.api_keys
          where (state = 'ready'
          and (rotate_requested_at is not null or wanted_cap_usd is not null
          or upstream_cap_usd <> cap_usd - carried_usd))
          or (state = 'ended' and key_hash is not null and deleted_upstream_at is null)
            order by md5(id::text || usage_usd::text) limit 1`
      if (due) await applySubKey(world.ctx, due.id, world.openKeys)
    },
  },
  {
    name: 'sync',
    weight: 3,
    run: async ({ world, below }) => {
      world.moveClock(below(300) * 1000)
      await syncSubKeys(world.ctx, world.openKeys)
    },
  },
  {
    name: 'expire',
    weight: 4,
    run: async ({ world, below }) => {
      world.moveClock(below(12) * 3_600_000)
      await endExpiredSubKeys(world.ctx)
    },
  },
  {
    name: 'roll',
    weight: 2,
    run: async ({ world, below }) => {
      const turn = startOf(nextMonth(monthOf(world.ctx.now())))
      // To just before midnight, across it late, doubled, or not at all: whoever comes next opens
      // the month.
      world.setClock(new Date(turn.getTime() - 1000 + below(3) * 500_000))
      if (below(3) > 0) await Promise.all([rollMonths(world.ctx), rollMonths(world.ctx)])
    },
  },
  {
    name: 'suspend',
    weight: 0.5,
    run: ({ world, member }) =>
      suspendMember(world.ctx, { teamId: world.teamId, userId: member }, world.holderId, 'walk'),
  },
  {
    name: 'resume',
    weight: 1.5,
    run: ({ world, member }) =>
      resumeMember(world.ctx, { teamId: world.teamId, userId: member }, world.holderId, 'walk'),
  },
  {
    name: 'remove',
    weight: 1,
    run: ({ world, member }) =>
      removeMember(world.ctx, { teamId: world.teamId, userId: member }, world.holderId, 'walk'),
  },
  {
    name: 'join',
    weight: 3,
    run: async ({ world, member }) => {
      const invited = await invite(world.ctx, {
        teamId: world.teamId,
        slug: world.slug,
        role: 'member',
        email: null,
        actorUserId: world.holderId,
      })
      if (invited.kind === 'invited')
        await acceptInvitation(world.ctx, invited.token, { userId: member, banned: null })
      await world.db.$executeRaw`
          update keymint.invitations set revoked_at = now() where used_at is null and revoked_at is null`
    },
  },
]

async function walk(walkSeed: number): Promise<Map<string, number>> {
  await using world = await openTeamWorld({ members: 3 })
  const random = generator(walkSeed)
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
  dieBetweenSteps(world, random)
  const counts = new Map<string, number>()
  const weights = steps.reduce((sum, step) => sum + step.weight, 0)
  for (const member of world.memberIds)
    await setBudget(
      world.ctx,
      { teamId: world.teamId, userId: member },
      { budget: usd(10_000), effective: 'now', reason: 'walk' },
      world.holderId,
    ).catch(ignoreCrash)
  for (let index = 0; index < stepsEach; index++) {
    let pick = random() * weights
    const step = steps.find(({ weight }) => (pick -= weight) < 0) ?? steps[0]!
    const member = world.memberIds[below(world.memberIds.length)]!
    const key = await keyAtHand(world, member, step.name === 'mint' ? 'pending' : 'ready', below)
    try {
      await step.run({ world, random, below, member, key }).catch(ignoreCrash)
      // What one step can have touched; everything again from time to time, and after what goes
      // over all members.
      await check(
        world,
        index % 50 === 0 || ['sync', 'expire', 'roll', 'apply'].includes(step.name) ? null : member,
      )
    } catch (error) {
      throw new Error(
        `step ${index} (${step.name}) with seed ${walkSeed}, of a walk with KEYMINT_WALK_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      )
    }
    counts.set(step.name, (counts.get(step.name) ?? 0) + 1)
  }
  world.service.nextFault = () => 'none'
  await settleEverything(world)
  return counts
}

async function keyAtHand(
  world: TeamWorld,
  member: string,
  state: string,
  below: (most: number) => number,
): Promise<KeyAtHand | null> {
  const keys = await world.db.$queryRaw<KeyAtHand[]>`
    select id, state, key_hash as "keyHash", generation, user_id as "userId" from keymint.api_keys
    where user_id = ${member}
      and (state = ${state} or (state = 'ended' and settled_at is null and ${below(6) === 0}))
      order by created_at, id`
  return keys.length === 0 ? null : (keys[below(keys.length)] ?? null)
}

/** A process that dies: before its transaction, or after COMMIT and before it has heard of it. */
function dieBetweenSteps(world: TeamWorld, random: () => number): void {
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

async function freeOf(world: TeamWorld, member: string): Promise<bigint | null> {
  const row = await world.db.budgetMonth.findFirst({
    where: { userId: member, month: startOf(monthOf(world.ctx.now())) },
  })
  return row ? BigInt(row.freeUsd.mul(1e9).toFixed(0)) : null
}

/** What must hold after every step, read out of the rows anew. */
async function check(world: TeamWorld, member: string | null = null): Promise<void> {
  const ids = member === null ? [...world.memberIds, world.holderId] : [member]
  const wrong = await world.db.$queryRaw<{ what: string }[]>`
    with posted as (
      select user_id, month,
        sum(case when from_account = 'unallocated' then amount_usd
          when to_account = 'unallocated' then -amount_usd else 0 end) as allocated,
        sum(case when to_account = 'committed' then amount_usd when from_account = 'committed' then -amount_usd
          else 0 end) as committed,
        sum(case when to_account = 'spent' then amount_usd else 0 end) as spent,
        sum(case when to_account = 'free' then amount_usd when from_account = 'free' then -amount_usd else 0
          end) as free
      from keymint.transactions where user_id = any(${ids}) group by user_id, month),
    by_key as (
      select k.user_id, m.month, sum(m.committed_usd) as committed, sum(m.spent_usd) as spent
        from keymint.key_months m join keymint.api_keys k on k.id = m.api_key_id where k.user_id = any(${ids})
        group by 1, 2),
    latest as (select user_id, max(month) as month from keymint.budget_months where user_id = any(${ids})
      group by user_id),
    key_now as (
      select k.id, k.reset, l.month, greatest(k.cap_usd, k.wanted_cap_usd) as cap, k.window_month,
        coalesce((select sum(m.spent_usd) from keymint.key_months m where m.api_key_id = k.id
          and (k.reset is null or m.month = l.month)), 0) as spent,
        coalesce((select m.committed_usd from keymint.key_months m where m.api_key_id = k.id
          and m.month = l.month), 0) as committed,
        coalesce((select sum(m.committed_usd) from keymint.key_months m where m.api_key_id = k.id
          and m.month < l.month), 0) as earlier
      from keymint.api_keys k join latest l using (user_id) where k.state in ('pending', 'ready')
        and (k.state = 'pending' or k.expires_at > l.month at time zone 'UTC'))
    select 'equation of ' || b.user_id || ' in ' || b.month as what from keymint.budget_months b
      where b.user_id = any(${ids})
      and (b.allocated_usd <> b.committed_usd + b.spent_usd + b.free_usd
      or least(b.allocated_usd, b.committed_usd, b.spent_usd) < 0)
    union all select 'balances are not the ledger: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b left join posted p using (user_id, month)
      where b.user_id = any(${ids})
        and (b.allocated_usd, b.committed_usd, b.spent_usd,
        b.free_usd) is distinct from (coalesce(p.allocated, 0), coalesce(p.committed, 0), coalesce(p.spent, 0),
        coalesce(p.free, 0))
    union all select 'balances are not the keys: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b left join by_key k using (user_id, month)
      where b.user_id = any(${ids})
        and (b.committed_usd, b.spent_usd) is distinct from (coalesce(k.committed, 0), coalesce(k.spent, 0))
    union all select 'commitment of ' || id || ': ' || committed || ' of cap ' || cap || ' with ' || spent ||
      ' spent' from key_now where committed <> greatest(0, cap - spent)
    union all select 'a one-off key still holds money in an old month: ' || id from key_now where reset is null
      and earlier > 0
    union all select 'an old month of a monthly key was not closed: ' || id from key_now where reset = 'monthly'
      and earlier > 0 and window_month >= month
    union all select 'a settled key holds money: ' || k.id from keymint.api_keys k join keymint.key_months m
      on m.api_key_id = k.id where k.user_id = any(${ids}) and (k.settled_at is not null or k.state = 'refused')
      and m.committed_usd > 0
    union all select 'less than nothing is free without a cause: ' || b.user_id || ' in ' || b.month
      from keymint.budget_months b
      where b.user_id = any(${ids}) and b.free_usd < 0
        and not exists (select 1 from keymint.transactions t where t.user_id = b.user_id and t.month = b.month
        and t.kind in ('deallocate', 'overspend', 'carry'))
    limit 5`
  expect(wrong.map(({ what }) => what)).toEqual([])
}

/**
 * At the end of all things: every key ends, is read for the last time, and the books of both sides
 * agree to the last nano-dollar.
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
        { teamId: world.teamId, keyId: id, userId: world.holderId || userId },
        'the end',
      )
    for (const { id } of await db.apiKey.findMany({
      where: { state: 'ended', deletedUpstreamAt: null },
    }))
      await applySubKey(world.ctx, id, world.openKeys)
    world.moveClock(200_000)
    await syncSubKeys(world.ctx, world.openKeys)
    for (const { apiKeyId } of await db.retiredSubKey.findMany({ where: { deletedAt: null } }))
      await applySubKey(world.ctx, apiKeyId, world.openKeys)
  }
  await check(world)
  const [sums] = await db.$queryRaw<{ committed: string; spent: string; open: number }[]>`
    select (select sum(committed_usd)::text from keymint.budget_months) as committed,
      (select sum(spent_usd)::text from keymint.budget_months) as spent,
      (select count(*)::int from keymint.api_keys where state in ('pending', 'ready')
        or (state = 'ended' and settled_at is null)) as open`
  const upstream = [...world.service.keys.values()].reduce((sum, key) => sum + key.usage, 0n)
  expect(sums?.open).toBe(0)
  expect(Number(sums?.committed)).toBe(0)
  expect(BigInt((sums?.spent ?? '').replace('.', ''))).toBe(upstream)
  expect([...world.service.keys.values()].filter((key) => !key.deleted && !key.disabled)).toEqual(
    [],
  )
}

/** mulberry32: the same numbers for the same seed, everywhere. */
function generator(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
