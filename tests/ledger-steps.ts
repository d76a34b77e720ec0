/** The steps of the ledger's random walk: everything that moves a member's money. */
import { correctUsage, listCorrectableKeys } from '~/domain/team/correct-usage.server'
import { acceptInvitation, invite } from '~/domain/team/invitations.server'
import { applyKey } from '~/domain/keys/apply.server'
import { recordReading } from '~/domain/keys/readings.server'
import {
  changeCap,
  deleteSubKey,
  provisionSubKey,
  rotateSubKey,
} from '~/domain/team/sub-key.server'
import { handOverKeys } from '~/domain/team/hand-over.server'
import { endOldKey } from '~/domain/team/overlap.server'
import { removeMember, resumeMember, setRole, suspendMember } from '~/domain/team/team.server'
import { decideRequest, requestMore } from '~/domain/money/budget-requests.server'
import { rollMonths, setBudget } from '~/domain/money/budgets.server'
import { readTopUp } from '~/domain/money/open-month.server'
import { setTopUp } from '~/domain/money/top-ups.server'
import { nanoFromDecimalString } from '~/money'
import { monthOf, nextMonth, startOf } from '~/domain/money/month'
import type { TeamWorld } from './team'

export type Step = { name: string; weight: number; run: (walk: Walk) => Promise<unknown> }
export type Walk = {
  world: TeamWorld
  random: () => number
  below: (most: number) => number
  member: string
  key: KeyAtHand | null
}
export type KeyAtHand = {
  id: string
  state: string
  /** The row of the generation that counts now, and its id at the service. */
  rowId: string
  keyHash: string | null
  userId: string
}

const refOf = ({ world, member }: Walk) => ({ teamId: world.teamId, userId: member })

export const usd = (cents: number) => BigInt(cents) * 10_000_000n

export const steps: Step[] = [
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
        world.ownerId,
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
          actorUserId: world.ownerId,
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
      const reading = world.service.reading(key.keyHash)
      if (reading)
        await recordReading(world.ctx, key.rowId, reading, world.ctx.now(), { own: below(2) === 0 })
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
    run: ({ world, key, below }) =>
      key
        ? rotateSubKey(
            world.ctx,
            { teamId: world.teamId, keyId: key.id, userId: key.userId },
            'walk',
            undefined,
            below(2) === 0 ? 0 : 1 + below(24),
          )
        : Promise.resolve(),
  },
  {
    name: 'use-old',
    weight: 6,
    run: async ({ world, key, below }) => {
      if (!key) return
      const old = await world.db.key.findFirst({
        where: { holderId: key.id, withoutReset: true, closedAt: null, savedAt: { not: null } },
      })
      if (!old?.hash) return
      world.service.use(old.hash, usd(below(900)))
      const reading = world.service.reading(old.hash)
      if (reading)
        await recordReading(world.ctx, old.id, reading, world.ctx.now(), { own: below(2) === 0 })
    },
  },
  {
    name: 'end-old',
    weight: 2,
    run: ({ world, key }) =>
      key
        ? endOldKey(world.ctx, { teamId: world.teamId, keyId: key.id, userId: key.userId }, 'walk')
        : Promise.resolve(),
  },
  {
    name: 'hand-over',
    weight: 4,
    run: ({ world, below, member, key }) =>
      handOverKeys(world.ctx, {
        teamId: world.teamId,
        actorUserId: world.ownerId,
        from: member,
        to: world.memberIds[below(world.memberIds.length)] ?? member,
        reason: 'walk',
        ...(key && below(3) > 0 ? { keyId: key.id } : {}),
      }),
  },
  {
    name: 'top-up',
    weight: 3,
    run: async (walk) => {
      const { world, below } = walk
      const month = monthOf(world.ctx.now())
      const was = await readTopUp(world.db, refOf(walk), month)
      const change = { amount: usd(below(2_000)), was, month, reason: 'walk' }
      await setTopUp(world.ctx, refOf(walk), change, world.ownerId)
    },
  },
  {
    name: 'role',
    weight: 1.5,
    run: (walk) => {
      const role = (['member', 'finance', 'member', 'viewer'] as const)[walk.below(4)]!
      return setRole(walk.world.ctx, refOf(walk), role, walk.world.ownerId, 'walk')
    },
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
    name: 'correct',
    weight: 4,
    run: async ({ world, below }) => {
      // Of this month or one before it, of whoever had a key then, ended or not.
      const months = await world.db.$queryRaw<{ month: string }[]>`
        select distinct m.month::text as month from keymint.key_months m
        join keymint.api_keys k on k.id = m.api_key_id where k.team_id = ${world.teamId}::uuid order by 1`
      const { month } = months[below(months.length)] ?? {}
      if (month === undefined) return
      const keys = await listCorrectableKeys(world.ctx, world.teamId, month, null)
      const key = keys[below(keys.length)]
      if (!key) return
      const amount = usd(below(600)) + BigInt(1 + below(9_999_999))
      const correction = {
        teamId: world.teamId,
        actorUserId: world.ownerId,
        handle: key.handle,
        month,
        direction: below(2) === 0 ? ('up' as const) : ('down' as const),
        amount,
        reason: 'walk',
        was: nanoFromDecimalString(key.corrected),
      }
      const twice = [1, 2].map(() => correctUsage(world.ctx, correction))
      // Both end before the next step begins.
      for (const one of await Promise.allSettled(twice))
        if (one.status === 'rejected') throw one.reason
    },
  },
  {
    name: 'apply',
    weight: 20,
    run: async ({ world, below }) => {
      const [due] = await world.db.$queryRaw<{ id: string }[]>`
        select id from keymint.keys where saved_at is not null and deleted_at is null
          and revision <> seen_revision order by md5(id::text || used_usd::text || ${below(9)}) limit 1`
      if (due) await applyKey(world.ctx, due.id, { ignoreBackoff: true })
    },
  },
  {
    name: 'sync',
    weight: 3,
    run: async ({ world, below }) => {
      await world.moveClock(below(300) * 1000)
      await world.read()
    },
  },
  {
    name: 'expire',
    weight: 4,
    run: async ({ world, below }) => {
      await world.moveClock(below(12) * 3_600_000)
      await world.expire()
    },
  },
  {
    name: 'roll',
    weight: 2,
    run: async ({ world, below }) => {
      const turn = startOf(nextMonth(monthOf(world.ctx.now())))
      // Just before midnight, then across it: late, twice at once, or by whoever comes next.
      await world.setClock(new Date(turn.getTime() - 1000 + below(3) * 500_000))
      if (below(3) > 0) await Promise.all([rollMonths(world.ctx), rollMonths(world.ctx)])
    },
  },
  {
    name: 'suspend',
    weight: 0.5,
    run: (walk) => suspendMember(walk.world.ctx, refOf(walk), walk.world.ownerId, 'walk'),
  },
  {
    name: 'resume',
    weight: 1.5,
    run: (walk) => resumeMember(walk.world.ctx, refOf(walk), walk.world.ownerId, 'walk'),
  },
  {
    name: 'remove',
    weight: 1,
    run: (walk) => removeMember(walk.world.ctx, refOf(walk), walk.world.ownerId, 'walk'),
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
        actorUserId: world.ownerId,
      })
      if (invited.kind === 'invited')
        await acceptInvitation(world.ctx, invited.token, { userId: member, banned: null })
      await world.db.$executeRaw`
          update keymint.invitations set revoked_at = now() where used_at is null and revoked_at is null`
    },
  },
]

/** One of the member's keys in this state, or sometimes one that has ended and is not settled. */
export async function keyAtHand(
  world: TeamWorld,
  member: string,
  state: string,
  below: (most: number) => number,
): Promise<KeyAtHand | null> {
  const keys = await world.db.$queryRaw<KeyAtHand[]>`
    select k.id, k.state, e.id as "rowId", e.hash as "keyHash", k.user_id as "userId" from keymint.api_keys k
    join keymint.keys e on e.holder_kind = 'sub-key' and e.holder_id = k.id and e.generation = k.generation
    where k.user_id = ${member}
      and (k.state = ${state} or (k.state = 'ended' and k.settled_at is null and ${below(6) === 0}))
      order by k.created_at, k.id`
  return keys.length === 0 ? null : (keys[below(keys.length)] ?? null)
}

async function freeOf(world: TeamWorld, member: string): Promise<bigint | null> {
  const row = await world.db.budgetMonth.findFirst({
    where: { userId: member, month: startOf(monthOf(world.ctx.now())) },
  })
  return row ? BigInt(row.freeUsd.mul(1e9).toFixed(0)) : null
}
