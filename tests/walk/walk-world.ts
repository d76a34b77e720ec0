/** What a walk goes through: claims and members' keys on one database, a provider in memory, a clock of its own. */
import { randomUUID } from 'node:crypto'
import { setBudget } from '~/domain/money/budgets.server'
import { createTeam, findMembership } from '~/domain/team/team.server'
import { depositKey } from '~/domain/vault/vault.server'
import { travel } from '../engine'
import { makeWorkshop, openWorldOn, usd } from '../test-world'
import { MemoryService } from './memory-service'
import { Turns } from './turns'

export const poolLimit = 9
const day = 86_400_000

/** mulberry32: the same numbers for the same seed, everywhere. */
export function generator(start: number): (most: number) => number {
  let state = start >>> 0
  return (most) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most
  }
}

export type WalkWorld = Awaited<ReturnType<typeof openWalk>>

export async function openWalk(postgres: { adminUrl: string; template: string }, seed: number) {
  const below = generator(seed)
  const workshop = makeWorkshop({
    slug: 'walk',
    kind: 'giveaway',
    poolLimit: usd(poolLimit),
    keyLimit: usd(2),
    keyLimitReset: null,
    keyExpiresAt: null,
    keyExpiresInMs: 20 * day,
    claimsCloseAt: new Date(Date.now() + 9_000 * day),
    cooldownMs: 0,
    maxKeys: 100,
    acknowledgedTerms: true,
  })
  const world = await openWorldOn(postgres, { workshops: [workshop], maxTotalKeys: 100 })
  const turns = new Turns(below)
  let offset = 0
  const realNow = () => new Date(Date.now() + offset)
  const service = new MemoryService(realNow, below, turns)
  let skewMs = 0
  const { ctx } = world
  ctx.services = new Map([['openrouter', service]])
  ctx.queue = {
    enqueue: () => Promise.resolve('queued'),
    bringForward: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  } as unknown as typeof ctx.queue
  ctx.now = () => new Date(realNow().getTime() + skewMs)
  // No guardrails here: the lane that assigns them is another one.
  ctx.provider = new Proxy(ctx.provider, {
    get: () => () => Promise.reject(new Error('the walk has no guardrails')),
  })
  await world.db
    .$executeRaw`alter table keymint.keys alter column wants_guardrail set default false`
  const people = await world.people(4)
  const [owner, ...members] = await world.people(3)
  const slug = `team-${randomUUID().slice(0, 8)}`
  await createTeam(ctx, { name: 'Walkers', slug, person: { userId: owner!.userId, banned: null } })
  const teamId = (await findMembership(ctx, slug, owner!.userId))!.teamId
  for (const { userId } of members)
    await world.db.teamMember.create({ data: { teamId, userId, role: 'member' } })
  const deposit = await depositKey(ctx, {
    teamId,
    scope: `team.${slug}`,
    userId: owner!.userId,
    service: 'openrouter',
    secret: 'master-of-the-team',
    baseUrl: null,
  })
  if (deposit.kind === 'refused') throw new Error(deposit.reason)
  for (const { userId } of members)
    await setBudget(
      ctx,
      { teamId, userId },
      { budget: usd(5), effective: 'now', reason: 'walk' },
      owner!.userId,
    )
  return {
    world,
    ctx,
    db: world.db,
    service,
    turns,
    below,
    people,
    members,
    owner: owner!,
    teamId,
    masterKeyId: deposit.masterKeyId,
    now: realNow,
    skew: (ms: number) => (skewMs = ms),
    async travel(ms: number) {
      offset += ms
      await travel(world, ms)
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}
