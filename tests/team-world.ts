/**
 * A small world for the ledger: a database of its own, a clock that can be moved, and a service in
 * memory that can fail before and after it has done what it was asked. The queue keeps nothing: a
 * test decides what runs, and what is lost.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import { createLog } from '~/adapters/log.server'
import { ProviderError } from '~/adapters/provider-error'
import { createSealer } from '~/adapters/sealing.server'
import { createServices } from '~/adapters/services.server'
import type { ServiceKey, ServiceReading } from '~/adapters/service-adapter'
import type { Ctx } from '~/domain/ctx'
import { monthOf } from '~/domain/money/month'
import type { ServiceKeys } from '~/domain/keys/service-keys.server'
import { subKeyHolder } from '~/domain/team/sub-key-holder.server'
import { createTeam, findMembership } from '~/domain/team/team.server'
import { testDb } from './test-database'

type Held = {
  id: string
  cap: bigint
  usage: bigint
  windowUsed: bigint
  window: string
  reset: 'monthly' | null
  expiresAt: Date
  disabled: boolean
  disabledAt: number
  deleted: boolean
}
type Fault = 'none' | 'refused-before' | 'lost-after' | 'crash-before' | 'crash-after' | 'rejected'

export class Crash extends Error {
  override name = 'Crash'
}

/** The other side: keeps its own books, which no test may reach past. */
export class MemoryService implements ServiceKeys {
  readonly keys = new Map<string, Held>()
  nextFault: () => Fault = () => 'none'
  constructor(private readonly now: () => Date) {}

  make(input: { cap: bigint; reset: 'monthly' | null; expiresAt: Date }): Held {
    const held: Held = {
      id: randomBytes(16).toString('hex'),
      usage: 0n,
      windowUsed: 0n,
      window: monthOf(this.now()),
      disabled: false,
      disabledAt: 0,
      deleted: false,
      ...input,
    }
    this.keys.set(held.id, held)
    return held
  }

  /**
   * Somebody uses the key: at most what the cap leaves, and a little more where `inFlight` says so.
   * Returns what was spent.
   */
  use(id: string, wanted: bigint, inFlight = 0n): bigint {
    const key = this.keys.get(id)
    if (!key || key.disabled || key.deleted || key.expiresAt <= this.now()) return 0n
    this.turn(key)
    const left = key.cap - (key.reset ? key.windowUsed : key.usage)
    if (left <= 0n) return 0n
    const spent = (wanted < left ? wanted : left) + inFlight
    key.usage += spent
    key.windowUsed += spent
    return spent
  }

  /**
   * Requests that were in flight when the key was disabled are counted a little later: for a minute
   * and a half. Returns the keys that may get such.
   */
  stillCounting(): Held[] {
    return [...this.keys.values()].filter(
      (key) => key.disabled && !key.deleted && this.now().getTime() - key.disabledAt < 90_000,
    )
  }

  countLate(key: Held, amount: bigint): void {
    this.turn(key)
    key.usage += amount
    key.windowUsed += amount
  }

  updateLimit(id: string, cap: bigint): Promise<ServiceKey> {
    return this.act(id, (key) => void (key.cap = cap))
  }
  async disableKey(id: string): Promise<void> {
    await this.act(id, (key) => {
      if (!key.disabled) Object.assign(key, { disabled: true, disabledAt: this.now().getTime() })
    })
  }
  async enableKey(id: string): Promise<void> {
    await this.act(id, (key) => void (key.disabled = false))
  }
  async deleteKey(id: string): Promise<void> {
    if (this.keys.get(id)?.deleted) return
    await this.act(id, (key) => void (key.deleted = true))
  }
  findKey(id: string): Promise<ServiceKey | null> {
    const key = this.keys.get(id)
    return Promise.resolve(key && !key.deleted ? this.shown(key) : null)
  }
  readUsage(ids: readonly string[]): Promise<Map<string, ServiceReading>> {
    const found = ids.flatMap((id) => {
      const key = this.keys.get(id)
      return key && !key.deleted ? [[id, this.shown(key)] as const] : []
    })
    return Promise.resolve(new Map(found))
  }

  private act(id: string, change: (key: Held) => void): Promise<ServiceKey> {
    const fault = this.nextFault()
    if (fault === 'crash-before') return Promise.reject(new Crash('before the call'))
    if (fault === 'refused-before')
      return Promise.reject(
        new ProviderError({ call: 'memory', kind: 'retryable', reason: 'rate-limited' }),
      )
    if (fault === 'rejected')
      return Promise.reject(
        new ProviderError({ call: 'memory', kind: 'rejected', reason: 'bad-request' }),
      )
    const key = this.keys.get(id)
    if (!key || key.deleted)
      return Promise.reject(
        new ProviderError({ call: 'memory', kind: 'rejected', reason: 'not-found' }),
      )
    this.turn(key)
    change(key)
    if (fault === 'crash-after') return Promise.reject(new Crash('after the call'))
    if (fault === 'lost-after')
      return Promise.reject(
        new ProviderError({ call: 'memory', kind: 'ambiguous', reason: 'timeout' }),
      )
    return Promise.resolve(this.shown(key))
  }

  private turn(key: Held): void {
    const month = monthOf(this.now())
    if (key.reset && key.window < month) Object.assign(key, { window: month, windowUsed: 0n })
  }

  private shown(key: Held): ServiceKey {
    this.turn(key)
    return {
      id: key.id,
      name: key.id,
      label: 'sk-…0000',
      cap: key.cap,
      usage: key.usage,
      usedInWindow: key.reset ? key.windowUsed : key.usage,
      windowEndsAt: null,
      disabled: key.disabled,
      reset: key.reset,
      createdAt: null,
      expiresAt: key.expiresAt,
    }
  }
}

export type TeamWorld = Awaited<ReturnType<typeof openTeamWorld>>

/** A team with an owner and so many members, a master key, and nothing allocated yet. */
export async function openTeamWorld(options: { members: number; start?: Date }) {
  const { db, drop } = await testDb()
  let now = (options.start ?? new Date('2026-11-03T10:00:00Z')).getTime()
  const service = new MemoryService(() => new Date(now))
  const ctx = {
    db,
    queue: {
      enqueue: () => Promise.resolve('queued' as const),
      bringForward: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    },
    sealer: createSealer([randomBytes(32)]),
    services: createServices({
      openRouterBaseUrl: 'http://127.0.0.1:1',
      allowPrivateAddresses: false,
    }),
    log: createLog({ level: 'silent', name: 'test' }),
    now: () => new Date(now),
    limitMints: pLimit(4),
    settings: {
      provisioningEnabled: true,
      maxTotalKeys: 0,
      adminEmails: [],
      adminGithubIds: [],
      viewerEmails: [],
      providerBaseUrl: 'http://127.0.0.1:1',
    },
  } as unknown as Ctx

  const person = async (name: string) => {
    const userId = `github:${randomUUID().slice(0, 8)}`
    await db.attendee.create({ data: { userId, displayName: name, authProvider: 'github' } })
    return userId
  }
  const holderId = await person('Olive Owner')
  const slug = `team-${randomUUID().slice(0, 8)}`
  await createTeam(ctx, { name: 'A team', slug, person: { userId: holderId, banned: null } })
  const teamId = (await findMembership(ctx, slug, holderId))!.teamId
  const memberIds: string[] = []
  for (let index = 0; index < options.members; index++) {
    const userId = await person(`Member ${index}`)
    await db.teamMember.create({ data: { teamId, userId, role: 'member' } })
    memberIds.push(userId)
  }
  const masterKeyId = await addMasterKey(ctx, { teamId, createdBy: holderId })

  return {
    db,
    ctx,
    service,
    teamId,
    slug,
    holderId,
    memberIds,
    masterKeyId,
    openKeys: () => Promise.resolve(service),
    moveClock: (ms: number) => void (now += ms),
    setClock: (at: Date) => void (now = Math.max(now, at.getTime())),

    /**
     * What the mint engine does when the provider has answered. False when nobody waits for the key
     * any more.
     */
    async mint(keyId: string): Promise<boolean> {
      const mint = await db.mint.findFirst({ where: { holderId: keyId, state: 'pending' } })
      if (!mint) return false
      const held = service.make({
        cap: BigInt(mint.limitUsd.mul(1e9).toFixed(0)),
        reset: mint.limitReset === 'monthly' ? 'monthly' : null,
        expiresAt: mint.expiresAt,
      })
      const ref = { holderId: keyId, generation: mint.generation }
      return db.$transaction(async (tx) => {
        if (
          !(await subKeyHolder.save(tx, ref, {
            hash: held.id,
            label: 'sk-…0000',
            sealed: ctx.sealer.seal(held.id, subKeyHolder.place(ref)),
          }))
        )
          return false
        await tx.mint.update({
          where: { id: mint.id },
          data: { state: 'done', doneAt: new Date(now) },
        })
        return true
      })
    },

    /** What the mint engine does when the provider has refused for good. */
    async refuseMint(keyId: string): Promise<void> {
      const mint = await db.mint.findFirst({ where: { holderId: keyId, state: 'pending' } })
      if (!mint) return
      const ref = { holderId: keyId, generation: mint.generation }
      await db.$transaction(async (tx) => {
        await subKeyHolder.lock(tx, ref)
        await tx.mint.update({
          where: { id: mint.id },
          data: { state: 'refused', doneAt: new Date(now) },
        })
        await subKeyHolder.refuse(tx, ref, { reason: 'rejected-by-provider', detail: null })
      })
    },
    [Symbol.asyncDispose]: drop,
  }
}

/** A master key whose credential nobody opens. */
export async function addMasterKey(
  ctx: Pick<Ctx, 'db'>,
  input: { teamId: string; createdBy: string },
): Promise<string> {
  const { id } = await ctx.db.masterKey.create({
    data: {
      teamId: input.teamId,
      service: 'openrouter',
      label: 'sk-or-v1-…0000',
      sealed: 'v2.nobody opens this',
      verifiedAt: new Date(),
      createdBy: input.createdBy,
    },
  })
  return id
}
