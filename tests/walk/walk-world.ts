/**
 * What a walk goes through: claims and members' keys on one database, a service in memory, a clock
 * of its own.
 */
import { randomUUID } from 'node:crypto'
import { setBudget } from '~/domain/money/budgets.server'
import { createTeam, findMembership } from '~/domain/team/team.server'
import { depositKey } from '~/domain/vault/vault.server'
import type { Template } from '../database'
import { MemoryService, type MemoryFault } from '../memory-service'
import { mulberry32 } from '../rng'
import { makeWorkshop, openWorld, usd } from '../world'
import { Turns } from './turns'

export const poolLimit = 15
const day = 86_400_000

/** Every way in which a call can fail, but for a refusal: the walk wants nothing that is refused. */
const faults: MemoryFault[] = [
  'server-error',
  'refused-before',
  'cut-before',
  'cut-after',
  'timed-out',
  'delayed',
  'unreadable',
  'crash-before',
  'crash-after',
]

export type WalkWorld = Awaited<ReturnType<typeof openWalk>>

export async function openWalk(seed: number, template?: Template) {
  const random = mulberry32(seed)
  const below = (most: number) => Math.floor(random() * most)
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
  const world = await openWorld({ workshops: [workshop], maxTotalKeys: 100 }, template)
  const turns = new Turns(below)
  let offset = 0
  const realNow = () => new Date(Date.now() + offset)
  const service = new MemoryService(realNow, 'openrouter')
  service.turn = () => turns.turn()
  let faultEvery = 0
  service.nextFault = () =>
    faultEvery > 0 && below(faultEvery) === 0 ? faults[below(faults.length)]! : 'none'
  service.nextReadFault = service.nextFault
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
  // First claims alone take spares: there are people enough for many of them.
  const people = await world.people(12)
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
  /** The file asks for so many keys ahead; their end is a fixed one, as the file must say then. */
  const premint = (count: number) =>
    ctx.workshops.workshops.set('walk', {
      ...workshop,
      ...(count === 0
        ? {}
        : {
            premint: count,
            keyExpiresAt: new Date(Math.ceil(realNow().getTime() / day) * day + 20 * day),
          }),
    })
  return {
    world,
    ctx,
    premint,
    /** That lane's work, for as long as this takes: a spare is handed over only when it is assigned. */
    async withAssigned(work: () => Promise<unknown>) {
      await world.db.$executeRaw`
        insert into keymint.guardrails (workshop_slug, guardrail_id, fingerprint)
        values ('walk', 'of-the-walk', '') on conflict do nothing`
      await world.db.$executeRaw`
        update keymint.keys set guardrail_id = 'of-the-walk', guardrail_at = now()
        where holder_kind = 'spare' and saved_at is not null and guardrail_at is null`
      await work()
      await world.db.$executeRaw`
        update keymint.keys set guardrail_id = null, guardrail_at = null where guardrail_id = 'of-the-walk'`
      await world.db.$executeRaw`delete from keymint.guardrails where guardrail_id = 'of-the-walk'`
    },
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
    /** One call in so many fails; 0 for none. */
    failEvery: (calls: number) => (faultEvery = calls),
    async travel(ms: number) {
      offset += ms
      await world.travel(ms)
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}
