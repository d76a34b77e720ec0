/**
 * A team in a test world, by the real functions of the domain: made, joined by invitation, with
 * budgets, credentials in its vault and keys in api_keys. Its services are the stand-ins on real
 * ports, or one in memory whose clock the test moves.
 */
import { randomUUID } from 'node:crypto'
import { applyKey } from '~/domain/keys/apply.server'
import { runMint } from '~/domain/keys/mint.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { closeExpired, expireKeys } from '~/domain/keys/expiry.server'
import { endGraced, moveDueLimits, stopDueCaps, waitsForApply } from '~/domain/keys/wake.server'
import { setBudget } from '~/domain/money/budgets.server'
import { teamScope } from '~/domain/money/member-lock.server'
import { acceptInvitation, invite } from '~/domain/team/invitations.server'
import { changeCap, deleteSubKey, provisionSubKey } from '~/domain/team/sub-key.server'
import { createTeam, findMembership } from '~/domain/team/team.server'
import { depositKey } from '~/domain/vault/vault.server'
import { startLiteLlm } from '../simulators/litellm/server'
import { MemoryService } from './memory-service'
import { openWorld, usd, type World } from './world'

export type Team = Awaited<ReturnType<typeof openTeam>>
export type TeamOptions = {
  members?: number
  /** The owner's budget a month, in USD. */
  budget?: number
  slug?: string
}
export type Wish = {
  cap?: bigint
  reset?: 'monthly' | null
  expiresAt?: Date
  models?: string[]
}

/** A team with an owner, so many members, and no credential yet. */
export async function openTeam(world: World, options: TeamOptions = {}) {
  const { ctx, db } = world
  const slug = options.slug ?? `team-${randomUUID().slice(0, 8)}`
  const [owner, ...others] = await world.people(1 + (options.members ?? 0))
  const ownerId = owner!.userId
  const made = await createTeam(ctx, {
    name: 'A team for tests',
    slug,
    person: { userId: ownerId, banned: null },
  })
  if (made.kind !== 'created') throw new Error(made.reason)
  const { teamId } = (await findMembership(ctx, slug, ownerId))!
  for (const { userId } of others) {
    const invited = await invite(ctx, {
      teamId,
      slug,
      role: 'member',
      email: null,
      actorUserId: ownerId,
    })
    if (invited.kind !== 'invited') throw new Error(invited.reason)
    await acceptInvitation(ctx, invited.token, { userId, banned: null })
  }
  if (options.budget !== undefined)
    await setBudget(
      ctx,
      { teamId, userId: ownerId },
      { budget: usd(options.budget), effective: 'now', reason: 'a test' },
      ownerId,
    )
  const scope = teamScope(slug)
  return {
    teamId,
    slug,
    scope,
    ownerId,
    memberIds: others.map(({ userId }) => userId),

    /** Puts a credential into the vault. Returns the id of the master key. */
    async deposit(
      service: string,
      credential: { secret: string; baseUrl: string | null },
    ): Promise<string> {
      const outcome = await depositKey(ctx, {
        teamId,
        scope,
        userId: ownerId,
        service,
        ...credential,
      })
      if (outcome.kind === 'refused') throw new Error(JSON.stringify(outcome))
      return outcome.masterKeyId
    },

    /** The owner asks for a key. Returns its id; throws the reason of a refusal. */
    async provision(masterKeyId: string, wish: Wish = {}): Promise<string> {
      const outcome = await provisionSubKey(ctx, {
        teamId,
        userId: ownerId,
        masterKeyId,
        purpose: 'a test',
        cap: wish.cap ?? usd(2),
        reset: wish.reset ?? null,
        expiresAt: wish.expiresAt ?? new Date(ctx.now().getTime() + 86_400_000),
        models: wish.models ?? [],
      })
      if (outcome.kind === 'refused') throw new Error(outcome.reason)
      return outcome.keyId
    },

    row: (id: string) => db.apiKey.findUniqueOrThrow({ where: { id } }),

    /** The engine's row of the generation that counts now. */
    keyRow: (id: string) =>
      db.key.findFirstOrThrow({
        where: { holderKind: 'sub-key', holderId: id },
        orderBy: { generation: 'desc' },
      }),

    /**
     * Carries out what is wanted of every generation of a key, oldest first, whenever its next try
     * is due.
     */
    async apply(id: string) {
      const rows = await db.key.findMany({
        where: { holderId: id, savedAt: { not: null }, deletedAt: null },
        orderBy: { generation: 'asc' },
      })
      const outcomes = []
      for (const row of rows) outcomes.push(await applyKey(ctx, row.id, { ignoreBackoff: true }))
      return outcomes
    },
  }
}

/** A LiteLLM proxy for one world, with its control API. */
export async function openLiteLlm(world: World) {
  const litellm = await startLiteLlm()
  world.onClose(() => litellm.stop())
  return {
    ...litellm,
    async control<T>(method: string, path: string, body?: object): Promise<T> {
      const response = await fetch(`${litellm.baseUrl}/__sim/${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      if (!response.ok) throw new Error(await response.text())
      return (await response.json()) as T
    },
  }
}

/** A team beside a LiteLLM proxy and the world's OpenRouter, whose owner may spend much. */
export async function openTeamWithServices(world: World) {
  const litellm = await openLiteLlm(world)
  const team = await openTeam(world, { slug: 'a-team', budget: 10_000 })
  const owner = { teamId: team.teamId, userId: team.ownerId }
  return {
    ...team,
    userId: team.ownerId,
    litellm,
    sim: litellm.control,
    depositLiteLlm: () =>
      team.deposit('litellm', { secret: litellm.masterKey, baseUrl: litellm.baseUrl }),
    depositOpenRouter: () =>
      team.deposit('openrouter', { secret: world.upstream.managementKey, baseUrl: null }),

    /** A key that waits for its mint, and the engine's row of it. */
    async request(masterKeyId: string, wish: Wish = {}) {
      const keyId = await team.provision(masterKeyId, wish)
      const mint = await world.db.mint.findFirstOrThrow({ where: { holderId: keyId } })
      return { keyId, mintId: mint.id, rowId: (await team.keyRow(keyId)).id }
    },

    /** Gives the key another cap, as the team's pages would, and carries it out. */
    async changeCap(keyId: string, cap: bigint) {
      await changeCap(world.ctx, { ...owner, keyId }, { cap, reason: 'a test' })
      return team.apply(keyId)
    },

    /** Ends the key, as the team's pages would, and carries it out. */
    async endKey(keyId: string) {
      await deleteSubKey(world.ctx, { ...owner, keyId }, 'a test')
      return team.apply(keyId)
    },
  }
}

export type TeamWorld = Awaited<ReturnType<typeof openTeamWorld>>

/**
 * A world for the ledger: its clock stands until it is moved, and the team's one credential is of a
 * service in memory. No worker runs: a test decides what runs, and what is lost.
 */
export async function openTeamWorld(options: {
  members: number
  start?: Date
  /** Another service in memory than the usual one. */
  service?: (now: () => Date) => MemoryService
}) {
  const world = await openWorld({ clock: options.start ?? new Date('2026-11-03T10:00:00Z') })
  const { ctx, db } = world
  const clock = () => ctx.now()
  const service = options.service?.(clock) ?? new MemoryService(clock)
  ctx.services = new Map([...ctx.services, [service.service, service]])
  const team = await openTeam(world, { members: options.members })
  const masterKeyId = await team.deposit(service.service, {
    secret: 'sk-of-a-service-in-memory',
    baseUrl: null,
  })

  return {
    ...world,
    ...team,
    service,
    masterKeyId,
    /** One clock for the process, the service and the engine's own time in this database. */
    moveClock: (ms: number) => world.travel(ms),
    setClock: (at: Date) => world.travelTo(at),

    /**
     * Runs the mint of a key. False when it made none: it may not yet, or nobody waits for it any
     * more.
     */
    async mint(keyId: string): Promise<boolean> {
      const mint = await db.mint.findFirst({ where: { holderId: keyId, state: 'pending' } })
      if (!mint) return false
      // A test cannot wait for it: the time that the last try was snoozed for has passed.
      await db.account.updateMany({
        data: { failures: 0, cooldownUntil: null, probeAt: null, reason: null },
      })
      await db.mint.updateMany({ where: { id: mint.id }, data: { notBefore: null } })
      await runMint(ctx, mint.id)
      return (await db.mint.findUniqueOrThrow({ where: { id: mint.id } })).state === 'done'
    },

    /** As above, at a service that refuses for good. */
    async refuseMint(keyId: string): Promise<void> {
      const { nextFault } = service
      service.nextFault = () => 'rejected'
      try {
        await this.mint(keyId)
      } finally {
        service.nextFault = nextFault
      }
    },

    /** Reads the account as the minute's schedule does. */
    async read(): Promise<void> {
      await readAccount(ctx, masterKeyId)
    },

    /** What the sweep finds: keys whose time has come, and limits that change by themselves. */
    async expire(): Promise<number> {
      const expired = await expireKeys(ctx)
      await closeExpired(ctx)
      await endGraced(ctx)
      await moveDueLimits(ctx)
      await stopDueCaps(ctx)
      return expired
    },

    /** The same, and then all that is left to apply. */
    async sweep(): Promise<number> {
      const expired = await this.expire()
      const open = await db.$queryRaw<{ id: string }[]>`
        select k.id from keymint.keys k where ${waitsForApply} order by k.id`
      for (const { id } of open) await applyKey(ctx, id, { ignoreBackoff: true })
      return expired
    },

    /** Lets ten minutes pass in steps, and the keys that are closed settle in them. */
    async letSettle(): Promise<void> {
      await this.sweep()
      for (const seconds of [31, 31, 61, 301, 61, 121]) {
        await world.travel(seconds * 1000)
        await this.sweep()
        await this.read()
      }
    },
  }
}
