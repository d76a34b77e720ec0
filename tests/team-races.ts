/** People who act on the money of one team in the same moment. */
import { expect } from 'vitest'
import { NotAllowed, TeamClosed } from '~/domain/money/member-lock.server'
import { setBudget } from '~/domain/money/budgets.server'
import { monthOf } from '~/domain/money/month'
import { readBalance } from '~/domain/money/postings.server'
import { setTopUp } from '~/domain/money/top-ups.server'
import { handOverKeys } from '~/domain/team/hand-over.server'
import { deleteSubKey, provisionSubKey } from '~/domain/team/sub-key.server'
import { openTeamWorld } from './team'
import { usd } from './world'

export type Act = () => Promise<unknown>

/** Starts all acts in the same moment. One whose right or team is gone answers `refused`. */
export async function together(...acts: Act[]): Promise<unknown[]> {
  return Promise.all(
    acts.map((act) =>
      act().catch((error: unknown) => {
        if (error instanceof NotAllowed || error instanceof TeamClosed) return { kind: 'refused' }
        throw error
      }),
    ),
  )
}

/** A team of so many members, and what they do, in dollars. */
export async function openRaces(members = 2) {
  const world = await openTeamWorld({ members })
  const { ctx, db, teamId, slug, ownerId } = world
  const month = monthOf(ctx.now())
  const ref = (userId: string) => ({ teamId, userId })
  const on = (keyId: string, userId = ownerId) => ({ teamId, keyId, userId })
  const live = { teamId, state: { in: ['pending', 'ready'] } }
  const provision = (userId: string, cap: number, reset: 'monthly' | null = null) =>
    provisionSubKey(ctx, {
      ...ref(userId),
      masterKeyId: world.masterKeyId,
      purpose: 'a race',
      cap: usd(cap),
      reset,
      expiresAt: new Date(ctx.now().getTime() + 40 * 86_400_000),
      models: [],
    })
  return {
    world,
    month,
    ids: world.memberIds as [string, string, ...string[]],
    by: { teamId, slug, actorUserId: ownerId },
    ref,
    on,
    provision,
    budget: (userId: string, amount: number, effective: 'now' | 'next-month' = 'now') =>
      setBudget(ctx, ref(userId), { budget: usd(amount), effective, reason: 'race' }, ownerId),
    topUp: (userId: string, amount: bigint, was: bigint) =>
      setTopUp(ctx, ref(userId), { amount, was, month, reason: 'race' }, ownerId),
    /** A key of which 3 are spent. */
    async ready(userId: string, cap = 10, reset: 'monthly' | null = null) {
      const asked = await provision(userId, cap, reset)
      if (asked.kind !== 'queued') throw new Error(asked.reason)
      expect(await world.mint(asked.keyId)).toBe(true)
      const { keyHash } = await world.row(asked.keyId)
      world.service.use(keyHash!, usd(3), 0n)
      await world.read()
      return asked.keyId
    },
    hand: (from: string, to: string, keyId?: string) =>
      handOverKeys(ctx, {
        teamId,
        actorUserId: ownerId,
        from,
        to,
        reason: 'race',
        ...(keyId ? { keyId } : {}),
      }),
    balance: (userId: string) => readBalance(db, ref(userId), month),
    liveOf: (userId?: string) =>
      db.apiKey.count({ where: { ...live, ...(userId ? { userId } : {}) } }),
    /** The end of a round. */
    async endAll() {
      for (const { id } of await db.apiKey.findMany({ where: live }))
        await deleteSubKey(ctx, on(id), 'the end of the round')
    },
  }
}
