/**
 * A service in memory behind the real port of service-adapter.ts: its own books, which no test may
 * reach past, a clock that the test moves, use that it counts late, and calls that fail in every
 * way in which a call can fail. A call that is delayed lands when the test says so.
 */
import { ProviderError, type ProviderFailure } from '~/adapters/provider-error'
import {
  maskOf,
  refuseUndeclared,
  type KeyChange,
  type KeyPage,
  type MadeKey,
  type NewServiceKey,
  type ServiceAdapter,
  type ServiceCapabilities,
  type ServiceCredential,
  type ServiceKey,
  type ServiceReset,
} from '~/adapters/service-adapter'

export type Held = {
  id: string
  name: string
  /** The secret of the credential that made it: a list shows no other account's keys. */
  account: string
  cap: bigint
  /** All that was spent with it, counted or not. */
  usage: bigint
  reset: ServiceReset | null
  createdAt: Date
  expiresAt: Date | null
  disabled: boolean
  disabledAt: number
  deleted: boolean
  spends: { at: number; amount: bigint }[]
}

/** The process dies in the middle of a call. */
export class Crash extends Error {
  override name = 'Crash'
}

type Failure = ProviderFailure & { status?: number }

/** What becomes of a call that fails: whether it did what it was asked, and what comes back. */
const faults = {
  'refused-before': [false, { kind: 'retryable', reason: 'rate-limited', status: 429 }],
  'server-error': [false, { kind: 'ambiguous', reason: 'server-error' }],
  'cut-before': [false, { kind: 'ambiguous', reason: 'connection-lost' }],
  'cut-after': [true, { kind: 'ambiguous', reason: 'connection-lost' }],
  'timed-out': [false, { kind: 'ambiguous', reason: 'timeout' }],
  'lost-after': [true, { kind: 'ambiguous', reason: 'timeout' }],
  unreadable: [true, { kind: 'ambiguous', reason: 'unreadable-answer' }],
  rejected: [false, { kind: 'rejected', reason: 'bad-request' }],
  'crash-before': [false, 'crash'],
  'crash-after': [true, 'crash'],
} as const satisfies Record<string, readonly [boolean, Failure | 'crash']>

/** A call that is delayed is one that timed out, and lands when the test lets it. */
export type MemoryFault = 'none' | 'delayed' | keyof typeof faults

type Call = 'create' | 'change' | 'delete' | 'list' | 'find'
const dayMs = 86_400_000

export class MemoryService implements ServiceAdapter {
  readonly service: string
  readonly title = 'A service in memory'
  readonly capabilities: ServiceCapabilities = {
    capBy: 'service',
    expiryBy: 'service',
    resets: ['daily', 'weekly', 'monthly'],
    modelList: 'none',
    rotation: true,
    keepsTotal: true,
    end: 'disable',
    readEverySeconds: null,
    settleSeconds: 0,
    fields: [{ name: 'secret', label: 'Credential', kind: 'secret', required: true }],
    options: [],
    texts: {
      noun: 'key',
      gets: 'A key in memory.',
      atCap: 'It stops.',
      remains: null,
      remained: null,
    },
    unit: 'usd',
  }
  readonly keys = new Map<string, Held>()
  /** What becomes of the next call that makes, changes or deletes a key. */
  nextFault: () => MemoryFault = () => 'none'
  /** What becomes of the next call that only reads. */
  nextReadFault: () => MemoryFault = () => 'none'
  /** Waited for before each call: here a test says whose turn it is. */
  turn: () => Promise<void> = () => Promise.resolve()
  /** Use is counted so much later. */
  lagMs = 0
  calls = 0
  readonly happened = new Map<MemoryFault, number>()
  /** Changes on their way. */
  readonly delayed: { run: () => void; sentAt: number }[] = []

  constructor(
    private readonly now: () => Date,
    service = 'memory',
  ) {
    this.service = service
  }

  verifyCredential() {
    return Promise.resolve({ ok: true, label: 'sk-…0000' } as const)
  }

  async createKey({ secret }: ServiceCredential, key: NewServiceKey) {
    refuseUndeclared(this, key, this.now())
    return this.call('create', () => {
      const { name, cap, reset, expiresAt } = key
      const id = `${this.service}-${String(this.keys.size + 1).padStart(8, '0')}`
      const plaintext = `sk-of-${id}`
      this.keys.set(id, {
        id,
        name,
        account: secret,
        cap,
        usage: 0n,
        reset,
        createdAt: this.now(),
        expiresAt,
        disabled: false,
        disabledAt: 0,
        deleted: false,
        spends: [],
      })
      const made: MadeKey = { cap, reset, expiresAt, disabled: false }
      return { id, label: maskOf(plaintext), plaintext, made }
    })
  }

  changeKey(_: ServiceCredential, id: string, change: KeyChange): Promise<ServiceKey> {
    return this.call('change', () => {
      const key = this.there(id)
      if (!key) throw failed({ kind: 'rejected', reason: 'not-found', status: 404 })
      if (change.disabled === true && !key.disabled) key.disabledAt = this.now().getTime()
      if (change.disabled !== undefined) key.disabled = change.disabled
      if (change.limit !== undefined) key.cap = change.limit
      if (change.reset !== undefined) key.reset = change.reset
      return this.shown(key)
    })
  }

  deleteKey(_: ServiceCredential, id: string): Promise<void> {
    return this.call('delete', () => {
      const key = this.keys.get(id)
      if (key) key.deleted = true
    })
  }

  async *listKeys({ secret }: ServiceCredential): AsyncIterable<KeyPage> {
    const keys = await this.call('list', () =>
      [...this.keys.values()]
        .filter((key) => !key.deleted && key.account === secret)
        .map((key) => this.shown(key))
        .reverse(),
    )
    for (let from = 0; from === 0 || from < keys.length; from += 100)
      yield { keys: keys.slice(from, from + 100), unreadable: 0 }
  }

  findKey(_: ServiceCredential, id: string): Promise<ServiceKey | null> {
    return this.call('find', () => this.reading(id))
  }

  /** The key as the service shows it now; null for one that is not there. */
  reading(id: string): ServiceKey | null {
    const key = this.there(id)
    return key && this.shown(key)
  }

  /** What may still be spent with the key. */
  left(key: Held): bigint {
    const expired = key.expiresAt !== null && key.expiresAt <= this.now()
    if (key.disabled || key.deleted || expired) return 0n
    const left = key.cap - this.used(key, key.reset)
    return left > 0n ? left : 0n
  }

  /**
   * Somebody uses the key: at most what the cap leaves, and a little more where `inFlight` says so.
   * Returns what was spent.
   */
  use(id: string, wanted: bigint, inFlight = 0n): bigint {
    const key = this.there(id)
    const left = key ? this.left(key) : 0n
    if (!key || left <= 0n) return 0n
    const spent = (wanted < left ? wanted : left) + inFlight
    this.countLate(key, spent)
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
    if (amount <= 0n) return
    key.usage += amount
    key.spends.push({ at: this.now().getTime(), amount })
  }

  /** What was spent in the window of this moment; without a reset, ever. */
  used(key: Held, reset: ServiceReset | null, until = this.now().getTime()): bigint {
    const from = reset === null ? 0 : windowStart(reset, this.now())
    return key.spends
      .filter((spend) => spend.at >= from && spend.at <= until)
      .reduce((sum, { amount }) => sum + amount, 0n)
  }

  private there(id: string): Held | null {
    const key = this.keys.get(id)
    return key && !key.deleted ? key : null
  }

  /** Runs the effect of a call, or fails before it, or fails after it. */
  private async call<T>(call: Call, effect: () => T): Promise<T> {
    await this.turn()
    this.calls++
    const fault = call === 'list' || call === 'find' ? this.nextReadFault() : this.nextFault()
    if (fault === 'none') return effect()
    this.happened.set(fault, (this.happened.get(fault) ?? 0) + 1)
    // One call at a time is on its way, and only changes travel that long.
    if (fault === 'delayed' && call === 'change' && this.delayed.length === 0)
      this.delayed.push({ run: () => void effect(), sentAt: this.now().getTime() })
    const [lands, failure] = faults[fault === 'delayed' ? 'timed-out' : fault]
    if (lands) effect()
    throw failure === 'crash' ? new Crash(`${fault}, a ${call}`) : failed(failure)
  }

  private shown(key: Held): ServiceKey {
    const { id, name, cap, reset, createdAt, expiresAt, disabled } = key
    const until = this.now().getTime() - this.lagMs
    return {
      id,
      name,
      label: maskOf(`sk-of-${id}`),
      cap,
      usage: this.used(key, null, until),
      usageBy: {
        daily: this.used(key, 'daily', until),
        weekly: this.used(key, 'weekly', until),
        monthly: this.used(key, 'monthly', until),
      },
      usedInWindow: this.used(key, reset, until),
      windowEndsAt: null,
      disabled,
      reset,
      createdAt,
      expiresAt,
    }
  }
}

function windowStart(reset: ServiceReset, at: Date): number {
  if (reset === 'monthly') return Date.UTC(at.getUTCFullYear(), at.getUTCMonth())
  if (reset === 'daily') return Math.floor(at.getTime() / dayMs) * dayMs
  // The first day of 1970 was a Thursday, weeks begin on Mondays.
  return Math.floor((at.getTime() - 4 * dayMs) / (7 * dayMs)) * 7 * dayMs + 4 * dayMs
}

const failed = (failure: Failure) => new ProviderError({ call: 'memory', ...failure })
