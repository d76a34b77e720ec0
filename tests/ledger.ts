/** A team with one member and a budget, and what tests of the ledger do with it, in dollars. */
import { expect } from 'vitest'
import { setBudget } from '~/domain/money/budgets.server'
import { monthOf } from '~/domain/money/month'
import { readBalance } from '~/domain/money/postings.server'
import { provisionSubKey } from '~/domain/team/sub-key.server'
import { openTeamWorld, type TeamWorld } from './team'

export const usd = (amount: number) => BigInt(Math.round(amount * 1e9))
export const day = 86_400_000

export async function oneMember(
  budget: number,
  options: Omit<Parameters<typeof openTeamWorld>[0], 'members'> = {},
): Promise<TeamWorld> {
  const world = await openTeamWorld({ members: 1, ...options })
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(budget), effective: 'now', reason: 'test' },
    world.ownerId,
  )
  return world
}

export const ref = (world: TeamWorld) => ({ teamId: world.teamId, userId: world.memberIds[0]! })

export async function balance(world: TeamWorld, month = monthOf(world.ctx.now())) {
  const found = await readBalance(world.db, ref(world), month)
  return Object.fromEntries(
    Object.entries(found).map(([name, nano]) => [name, Number(nano) / 1e9]),
  ) as Record<keyof typeof found, number>
}

export function provision(
  world: TeamWorld,
  wish: { cap: number; reset?: 'monthly'; lifeMs?: number },
) {
  return provisionSubKey(world.ctx, {
    ...ref(world),
    masterKeyId: world.masterKeyId,
    purpose: 'a test',
    cap: usd(wish.cap),
    reset: wish.reset ?? null,
    expiresAt: new Date(world.ctx.now().getTime() + (wish.lifeMs ?? 90 * day)),
    models: [],
  })
}

export async function made(
  world: TeamWorld,
  wish: Parameters<typeof provision>[1],
): Promise<string> {
  const outcome = await provision(world, wish)
  if (outcome.kind !== 'queued') throw new Error(`refused: ${outcome.reason}`)
  expect(await world.mint(outcome.keyId)).toBe(true)
  return outcome.keyId
}

export async function use(
  world: TeamWorld,
  keyId: string,
  amount: number,
  inFlight = 0,
): Promise<void> {
  const { keyHash } = await world.db.apiKey.findUniqueOrThrow({ where: { id: keyId } })
  world.service.use(keyHash!, usd(amount), usd(inFlight))
  await world.read()
}
