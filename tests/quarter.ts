/**
 * A team of twelve for a quarter, with keys of two services in memory, and books that the test keeps
 * by itself beside those of Keymint: who held which key on which day, and what its service took.
 */
import { expect } from 'vitest'
import { readAccount } from '~/domain/keys/read-account.server'
import { monthOf, type Month } from '~/domain/money/month'
import type { PersonRole } from '~/domain/money/roles'
import { correctUsage, listCorrectableKeys } from '~/domain/team/correct-usage.server'
import { acceptInvitation, invite } from '~/domain/team/invitations.server'
import { makeServiceAccount } from '~/domain/team/service-accounts.server'
import { provisionSubKey, rotateSubKey } from '~/domain/team/sub-key.server'
import { nanoFromDecimalString } from '~/money'
import { MemoryService } from './memory-service'
import { openTeamWorld } from './team'
import { usd } from './world'

/** What the test knows of one use or correction, without asking Keymint. */
type Booked = {
  userId: string
  keyId: string
  service: string
  month: Month
  day: string
  kind: 'usage' | 'correction'
  nano: bigint
}
export type Quarter = Awaited<ReturnType<typeof openQuarter>>

const day = 86_400_000
const memberNames = ['Ann', 'Ben', 'Cleo', 'Dan', 'Eve', 'Gus', 'Hal', 'Ida', 'Jo', 'Kim'] as const
/** `CI` is a service account: its keys are asked for by the owner. */
export type Name = 'Olga' | 'Fay' | 'CI' | (typeof memberNames)[number]

/** The owner is there, with a credential for each service; everybody else is still to join. */
export async function openQuarter() {
  const world = await openTeamWorld({ members: 0, start: new Date('2026-10-01T09:00:00Z') })
  const { ctx, db, teamId, slug, ownerId } = world
  const second = new MemoryService(() => ctx.now(), 'second')
  ctx.services = new Map([...ctx.services, [second.service, second]])
  const credential = { secret: 'sk-of-the-second-service', baseUrl: null }
  const masters = {
    memory: world.masterKeyId,
    second: await world.deposit(second.service, credential),
  }
  const services = { memory: world.service, second }
  const joining = ['Fay', ...memberNames] as const
  const people = await world.people(joining.length)
  const ids = Object.fromEntries([
    ['Olga', ownerId],
    ...people.map(({ userId }, index) => [joining[index]!, userId]),
  ]) as Record<Name, string>
  for (const [displayName, userId] of Object.entries(ids))
    await db.attendee.update({ where: { userId }, data: { displayName } })
  const memberIds = people.map(({ userId }) => userId)
  const booked: Booked[] = []
  const rowOf = (id: string) => db.apiKey.findUniqueOrThrow({ where: { id } })
  const serviceOf = (service: string) => services[service as keyof typeof services]

  return {
    ...world,
    ids,
    /** Everybody but the owner, for the equations of the ledger. */
    memberIds,
    memberNames,
    services,
    booked,
    refOf: (name: Name) => ({ teamId, userId: ids[name] }),
    at: (moment: string) => world.setClock(new Date(`${moment}Z`)),

    /** Reads both accounts, as the minute's schedule does. */
    async read(): Promise<void> {
      for (const master of Object.values(masters)) await readAccount(ctx, master)
    },

    async join(name: Name, given: { role?: PersonRole; budget?: bigint } = {}): Promise<void> {
      const invited = await invite(ctx, {
        teamId,
        slug,
        role: given.role ?? 'member',
        email: null,
        budget: given.budget ?? null,
        actorUserId: ownerId,
      })
      if (invited.kind !== 'invited') throw new Error(invited.reason)
      const person = { userId: ids[name], banned: null }
      expect(await acceptInvitation(ctx, invited.token, person)).toMatchObject({ kind: 'joined' })
    },

    /** The service account, made by an owner with a budget. */
    async makeCi(actor: Name, budget: bigint): Promise<void> {
      const made = await makeServiceAccount(ctx, {
        teamId,
        slug,
        actorUserId: ids[actor],
        name: 'CI',
        budget,
      })
      if (made.kind !== 'made') throw new Error(made.reason)
      ids.CI = made.userId
      memberIds.push(made.userId)
    },

    /** A key that is made and live. Returns its id. */
    async make(
      name: Name,
      wish: {
        cap: number
        service?: keyof typeof services
        reset?: 'monthly'
        days?: number
        by?: Name
      },
    ): Promise<string> {
      const outcome = await provisionSubKey(ctx, {
        teamId,
        userId: ids[name],
        ...(name === 'CI' ? { actorUserId: ids[wish.by ?? 'Olga'] } : {}),
        masterKeyId: masters[wish.service ?? 'memory'],
        purpose: `a key of ${name}`,
        cap: usd(wish.cap),
        reset: wish.reset ?? null,
        expiresAt: new Date(ctx.now().getTime() + (wish.days ?? 200) * day),
        models: [],
      })
      if (outcome.kind !== 'queued') throw new Error(outcome.reason)
      expect(await world.mint(outcome.keyId)).toBe(true)
      return outcome.keyId
    },

    /** Replaces the key; the old one works on beside the new one for so many hours. */
    async replace(name: Name, keyId: string, hours: number): Promise<void> {
      const actor = { teamId, userId: ids[name], keyId }
      const asked = await rotateSubKey(ctx, actor, 'a new laptop', undefined, hours)
      expect(asked).toEqual({ kind: 'asked' })
      await world.apply(keyId)
      expect(await world.mint(keyId)).toBe(true)
      await world.moveClock(61_000)
      await this.read()
      await world.apply(keyId)
    },

    /**
     * Somebody uses the key, and it is read at once, or `later`. Its old key where `generation` says
     * so. A use that is read later counts in the month and on the day that are given.
     */
    async use(
      keyId: string,
      nano: bigint,
      options: { generation?: number; later?: { month: Month; day: string } } = {},
    ): Promise<void> {
      const { generation, later } = options
      const { userId, service, keyHash } = await rowOf(keyId)
      const old =
        generation === undefined
          ? null
          : await db.key.findFirstOrThrow({ where: { holderId: keyId, generation } })
      expect(serviceOf(service).use((old?.hash ?? keyHash)!, nano), 'within the cap').toBe(nano)
      const now = { month: monthOf(ctx.now()), day: ctx.now().toISOString().slice(0, 10) }
      booked.push({ userId, keyId, service, kind: 'usage', nano, ...(later ?? now) })
      if (!later) await this.read()
    },

    /** Corrects what was counted for the key in a month; the correction stands on this day of it. */
    async correct(
      actor: Name,
      wish: { keyId: string; month: Month; day: string; nano: bigint },
    ): Promise<void> {
      const { keyId, month, nano } = wish
      const { userId, service, purpose } = await rowOf(keyId)
      const shown = await listCorrectableKeys(ctx, teamId, month, null)
      const [key, ...others] = shown.filter((one) => one.purpose === purpose)
      expect(others, 'one key of this name').toEqual([])
      const outcome = await correctUsage(ctx, {
        teamId,
        actorUserId: ids[actor],
        handle: key!.handle,
        month,
        direction: nano > 0n ? 'up' : 'down',
        amount: nano > 0n ? nano : -nano,
        reason: 'the invoice says so',
        was: nanoFromDecimalString(key!.corrected),
      })
      expect(outcome).toEqual({ kind: 'corrected' })
      booked.push({ userId, keyId, service, month, day: wish.day, kind: 'correction', nano })
    },
  }
}
