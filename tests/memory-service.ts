/**
 * A service in memory behind the real port of service-adapter.ts: its own books, which no test may
 * reach past, a clock that the test moves, and calls that fail before and after they have done what
 * they were asked.
 */
import { randomBytes } from 'node:crypto'
import { ProviderError, type ProviderFailure } from '~/adapters/provider-error'
import {
  refuseUndeclared,
  type NewServiceKey,
  type ServiceAdapter,
  type ServiceCredential,
  type ServiceKey,
  type ServiceReading,
} from '~/adapters/service-adapter'
import { monthOf } from '~/domain/money/month'

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

export type MemoryFault =
  'none' | 'refused-before' | 'lost-after' | 'crash-before' | 'crash-after' | 'rejected'

/** The process dies in the middle of a call. */
export class Crash extends Error {
  override name = 'Crash'
}

export class MemoryService implements ServiceAdapter {
  readonly service = 'memory'
  readonly title = 'A service in memory'
  readonly capabilities = {
    hardCap: true,
    resets: ['monthly'],
    expiry: true,
    modelList: false,
    ownAddress: false,
    unit: 'usd',
  } as const
  readonly keys = new Map<string, Held>()
  nextFault: () => MemoryFault = () => 'none'
  constructor(private readonly now: () => Date) {}

  verifyCredential() {
    return Promise.resolve({ ok: true, label: 'sk-…0000' } as const)
  }

  async createKey(_: ServiceCredential, key: NewServiceKey) {
    refuseUndeclared(this, key, this.now())
    const held: Held = {
      id: randomBytes(16).toString('hex'),
      name: key.name,
      cap: key.cap,
      usage: 0n,
      windowUsed: 0n,
      window: monthOf(this.now()),
      reset: key.reset === null ? null : 'monthly',
      expiresAt: key.expiresAt ?? new Date(8.64e15),
      disabled: false,
      disabledAt: 0,
      deleted: false,
    }
    await this.faulty(() => void this.keys.set(held.id, held))
    return { id: held.id, label: 'sk-…0000', plaintext: `sk-${held.id}` }
  }

  updateLimit(_: ServiceCredential, id: string, cap: bigint): Promise<ServiceKey> {
    return this.change(id, (key) => void (key.cap = cap))
  }

  async disableKey(_: ServiceCredential, id: string): Promise<void> {
    await this.change(id, (key) => {
      if (!key.disabled) Object.assign(key, { disabled: true, disabledAt: this.now().getTime() })
    })
  }

  async enableKey(_: ServiceCredential, id: string): Promise<void> {
    await this.change(id, (key) => void (key.disabled = false))
  }

  async deleteKey(_: ServiceCredential, id: string): Promise<void> {
    if (this.keys.get(id)?.deleted) return
    await this.change(id, (key) => void (key.deleted = true))
  }

  listKeys(): Promise<ServiceKey[]> {
    const live = [...this.keys.values()].filter((key) => !key.deleted)
    return Promise.resolve(live.map((key) => this.shown(key)))
  }

  findKey(_: ServiceCredential, id: string): Promise<ServiceKey | null> {
    return Promise.resolve(this.reading(id))
  }

  readUsage(_: ServiceCredential, ids: readonly string[]): Promise<Map<string, ServiceReading>> {
    const found = ids.flatMap((id) => {
      const key = this.reading(id)
      return key ? [[id, key] as const] : []
    })
    return Promise.resolve(new Map(found))
  }

  /** The key as the service shows it now; null for one that is not there. */
  reading(id: string): ServiceKey | null {
    const key = this.keys.get(id)
    return key && !key.deleted ? this.shown(key) : null
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

  private async change(id: string, apply: (key: Held) => void): Promise<ServiceKey> {
    await this.faulty(() => {
      const key = this.keys.get(id)
      if (!key || key.deleted) throw failed({ kind: 'rejected', reason: 'not-found' })
      this.turn(key)
      apply(key)
    })
    return this.shown(this.keys.get(id)!)
  }

  /** Runs the effect of a call, or fails before it, or fails after it. */
  private async faulty(effect: () => void): Promise<void> {
    const fault = this.nextFault()
    if (fault === 'crash-before') throw new Crash('before the call')
    if (fault === 'refused-before') throw failed({ kind: 'retryable', reason: 'rate-limited' })
    if (fault === 'rejected') throw failed({ kind: 'rejected', reason: 'bad-request' })
    effect()
    if (fault === 'crash-after') throw new Crash('after the call')
    if (fault === 'lost-after') throw failed({ kind: 'ambiguous', reason: 'timeout' })
  }

  private turn(key: Held): void {
    const month = monthOf(this.now())
    if (key.reset && key.window < month) Object.assign(key, { window: month, windowUsed: 0n })
  }

  private shown(key: Held): ServiceKey {
    this.turn(key)
    return {
      id: key.id,
      name: key.name,
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

const failed = (failure: ProviderFailure) => new ProviderError({ call: 'memory', ...failure })
