/**
 * A small world for the ledger: a database of its own, a clock that can be moved, and a service in
 * memory that can fail before and after it has done what it was asked. The queue keeps nothing: a
 * test decides what runs, and what is lost.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import { createLog } from '~/adapters/log.server'
import { createMetrics } from '~/adapters/metrics.server'
import { ProviderError } from '~/adapters/provider-error'
import { createSealer } from '~/adapters/sealing.server'
import type {
  KeyChange,
  KeyPage,
  NewServiceKey,
  ServiceAdapter,
  ServiceCredential,
  ServiceKey,
} from '~/adapters/service-adapter'
import type { Ctx } from '~/domain/ctx'
import { monthOf } from '~/domain/money/month'
import { masterKeyPlace } from '~/domain/keys/accounts.server'
import { applyKey } from '~/domain/keys/apply.server'
import { runMint } from '~/domain/keys/mint.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { closeExpired, expireKeys } from '~/domain/keys/readings.server'
import { moveDueLimits } from '~/domain/keys/wake.server'
import { bookMonth, subKeyHolder } from '~/domain/team/sub-key-holder.server'
import { createTeam, findMembership } from '~/domain/team/team.server'
import { testDb } from './test-database'

type Held = {
  id: string
  name: string
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
export class MemoryService implements ServiceAdapter {
  readonly service = 'openrouter'
  readonly title = 'Memory'
  readonly capabilities = {
    hardCap: true,
    resets: ['monthly'],
    expiry: true,
    modelList: false,
    ownAddress: false,
    unit: 'usd',
  } as const
  readonly keys = new Map<string, Held>()
  nextFault: () => Fault = () => 'none'
  nextCreateFault: () => Fault = () => 'none'
  constructor(private readonly now: () => Date) {}

  verifyCredential() {
    return Promise.resolve({ ok: true as const, label: 'sk-…0000' })
  }

  createKey(_: ServiceCredential, key: NewServiceKey) {
    const fault = this.nextCreateFault()
    const failure = faultBefore(fault)
    if (failure) return Promise.reject(failure)
    const held = this.make({
      name: key.name,
      cap: key.cap,
      reset: key.reset === 'monthly' ? 'monthly' : null,
      expiresAt: key.expiresAt ?? new Date(0),
    })
    const lost = faultAfter(fault)
    if (lost) return Promise.reject(lost)
    const { cap, reset, expiresAt } = held
    const made = { cap, reset, expiresAt, disabled: false }
    return Promise.resolve({ id: held.id, label: 'sk-…0000', plaintext: `sk-${held.id}`, made })
  }

  private make(input: Pick<Held, 'name' | 'cap' | 'reset' | 'expiresAt'>): Held {
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

  changeKey(_: ServiceCredential, id: string, change: KeyChange): Promise<ServiceKey> {
    return this.act(id, (key) => {
      if (change.disabled === true && !key.disabled) key.disabledAt = this.now().getTime()
      if (change.disabled !== undefined) key.disabled = change.disabled
      if (change.limit !== undefined) key.cap = change.limit
      if (change.reset !== undefined) key.reset = change.reset === 'monthly' ? 'monthly' : null
    })
  }
  async deleteKey(_: ServiceCredential, id: string): Promise<void> {
    if (this.keys.get(id)?.deleted) return
    await this.act(id, (key) => void (key.deleted = true))
  }
  findKey(_: ServiceCredential, id: string): Promise<ServiceKey | null> {
    const key = this.keys.get(id)
    return Promise.resolve(key && !key.deleted ? this.shown(key) : null)
  }
  async *listKeys(): AsyncIterable<KeyPage> {
    const there = [...this.keys.values()].filter((key) => !key.deleted).reverse()
    for (let start = 0; start === 0 || start < there.length; start += 100)
      yield await Promise.resolve({
        keys: there.slice(start, start + 100).map((key) => this.shown(key)),
        unreadable: 0,
      })
  }

  private act(id: string, change: (key: Held) => void): Promise<ServiceKey> {
    const fault = this.nextFault()
    const failure = faultBefore(fault)
    if (failure) return Promise.reject(failure)
    const key = this.keys.get(id)
    if (!key || key.deleted)
      return Promise.reject(
        new ProviderError({ call: 'memory', kind: 'rejected', reason: 'not-found' }),
      )
    this.turn(key)
    change(key)
    const lost = faultAfter(fault)
    return lost ? Promise.reject(lost) : Promise.resolve(this.shown(key))
  }

  private turn(key: Held): void {
    const month = monthOf(this.now())
    if (key.window < month) Object.assign(key, { window: month, windowUsed: 0n })
  }

  private shown(key: Held): ServiceKey {
    this.turn(key)
    return {
      id: key.id,
      name: key.name,
      label: 'sk-…0000',
      cap: key.cap,
      usage: key.usage,
      usageBy: { daily: null, weekly: null, monthly: key.windowUsed },
      usedInWindow: key.reset ? key.windowUsed : key.usage,
      windowEndsAt: null,
      disabled: key.disabled,
      reset: key.reset,
      createdAt: null,
      expiresAt: key.expiresAt,
    }
  }
}

function faultBefore(fault: Fault): Error | null {
  if (fault === 'crash-before') return new Crash('before the call')
  if (fault === 'refused-before')
    return new ProviderError({ call: 'memory', kind: 'retryable', reason: 'rate-limited' })
  return fault === 'rejected'
    ? new ProviderError({ call: 'memory', kind: 'rejected', reason: 'bad-request' })
    : null
}

function faultAfter(fault: Fault): Error | null {
  if (fault === 'crash-after') return new Crash('after the call')
  return fault === 'lost-after'
    ? new ProviderError({ call: 'memory', kind: 'ambiguous', reason: 'timeout' })
    : null
}

export type TeamWorld = Awaited<ReturnType<typeof openTeamWorld>>

/** A team with an owner and so many members, a master key, and nothing allocated yet. */
export async function openTeamWorld(options: { members: number; start?: Date }) {
  const { db, drop } = await testDb()
  let now = (options.start ?? new Date('2026-11-03T10:00:00Z')).getTime()
  const service = new MemoryService(() => new Date(now))
  // One clock for the process, the service and the engine's own time in this database.
  await db.$executeRaw`create table keymint.test_clock (at timestamptz not null)`
  await db.$executeRaw`insert into keymint.test_clock values (${new Date(now)}::timestamptz)`
  await db.$executeRawUnsafe(
    `create or replace function keymint.now() returns timestamptz language sql stable as
      $$ select at from keymint.test_clock $$`,
  )
  const setTime = async (ms: number) => {
    now = Math.max(now, ms)
    await db.$executeRaw`update keymint.test_clock set at = greatest(at, ${new Date(now)}::timestamptz)`
  }
  const ctx = {
    db,
    queue: {
      enqueue: () => Promise.resolve('queued' as const),
      bringForward: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    },
    holders: { 'sub-key': subKeyHolder },
    bookMonth,
    installationId: 'test',
    metrics: createMetrics(),
    mintConcurrency: 8,
    sealer: createSealer([randomBytes(32)]),
    services: new Map([[service.service, service]]),
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
    moveClock: (ms: number) => setTime(now + ms),
    setClock: (at: Date) => setTime(at.getTime()),

    /**
     * Makes the key that waits at the service, as its job would. False when nobody waits for it any
     * more, or it may not be made yet.
     */
    async mint(keyId: string): Promise<boolean> {
      const mint = await db.mint.findFirst({ where: { holderId: keyId, state: 'pending' } })
      if (!mint) return false
      await db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
      await db.$executeRaw`update keymint.mints set not_before = null where id = ${mint.id}::uuid`
      await runMint(ctx, mint.id)
      return (await db.mint.findUniqueOrThrow({ where: { id: mint.id } })).state === 'done'
    },

    /** The same where the service refuses it for good. */
    async refuseMint(keyId: string): Promise<void> {
      service.nextCreateFault = () => 'rejected'
      try {
        await this.mint(keyId)
      } finally {
        service.nextCreateFault = () => 'none'
      }
    },

    /** Carries out what is wanted of every generation of a key, oldest first, whenever the next try is due. */
    async apply(keyId: string) {
      const rows = await db.key.findMany({
        where: { holderId: keyId, savedAt: { not: null }, deletedAt: null },
        orderBy: { generation: 'asc' },
      })
      const outcomes = []
      for (const { id } of rows) outcomes.push(await applyKey(ctx, id, { ignoreBackoff: true }))
      return outcomes
    },

    /** Reads the account as the minute's schedule does. */
    async read(): Promise<void> {
      await readAccount(ctx, masterKeyId)
    },

    /** What the sweep finds: keys whose time has come, limits that change by themselves; then what is left to apply. */
    async expire(): Promise<number> {
      const expired = await expireKeys(ctx)
      await closeExpired(ctx)
      await moveDueLimits(ctx)
      return expired
    },

    async sweep(): Promise<number> {
      const expired = await this.expire()
      const open = await db.$queryRaw<{ id: string }[]>`
        select id from keymint.keys where saved_at is not null and deleted_at is null
          and (revision <> seen_revision or delete_wanted) order by id`
      for (const { id } of open) await applyKey(ctx, id, { ignoreBackoff: true })
      return expired
    },

    /** Lets ten minutes pass in steps, and the keys that are closed settle in them. */
    async letSettle(): Promise<void> {
      await this.sweep()
      for (const seconds of [31, 31, 61, 301, 61, 121]) {
        await this.moveClock(seconds * 1000)
        await this.sweep()
        await this.read()
      }
    },
    [Symbol.asyncDispose]: drop,
  }
}

/** A master key of the service in memory. */
export async function addMasterKey(
  ctx: Pick<Ctx, 'db' | 'sealer'>,
  input: { teamId: string; createdBy: string },
): Promise<string> {
  const id = randomUUID()
  await ctx.db.masterKey.create({
    data: {
      id,
      teamId: input.teamId,
      service: 'openrouter',
      label: 'sk-or-v1-…0000',
      sealed: ctx.sealer.sealForVault('sk-or-v1-of-memory', masterKeyPlace(id, 1)),
      verifiedAt: new Date(),
      createdBy: input.createdBy,
    },
  })
  return id
}
