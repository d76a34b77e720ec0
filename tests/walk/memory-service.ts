/**
 * A provider in memory: keeps its own books, counts use late, and fails in every way that a call can
 * fail, by the seed. What is delayed lands when the walk says so.
 */
import { ProviderError } from '~/adapters/provider-error'
import type {
  KeyChange,
  KeyPage,
  NewServiceKey,
  ServiceAdapter,
  ServiceKey,
} from '~/adapters/service-adapter'
import { Crash } from './crash'
import type { Turns } from './turns'

export type Held = {
  id: string
  name: string
  account: string
  cap: bigint
  reset: 'daily' | 'weekly' | 'monthly' | null
  expiresAt: Date | null
  createdAt: Date
  disabled: boolean
  deleted: boolean
  spends: { at: number; amount: bigint }[]
}

const fates = [
  'refused-before',
  'rate-limited',
  'cut-before',
  'cut-after',
  'timed-out',
  'delayed',
  'unreadable',
  'crash-before',
  'crash-after',
] as const

export class MemoryService implements ServiceAdapter {
  readonly service = 'openrouter'
  readonly title = 'Memory'
  readonly capabilities = {
    hardCap: true,
    resets: ['daily', 'weekly', 'monthly'] as const,
    expiry: true,
    modelList: false,
    ownAddress: false,
    unit: 'usd' as const,
  }
  readonly keys = new Map<string, Held>()
  readonly delayed: { run: () => void; sentAt: number }[] = []
  /** One call in so many fails; 0 for none. */
  faultEvery = 0
  lagMs = 0
  calls = 0
  private made = 0
  readonly happened = new Map<string, number>()

  constructor(
    private readonly now: () => Date,
    private readonly below: (most: number) => number,
    private readonly turns: Turns,
  ) {}

  verifyCredential = () => Promise.resolve({ ok: true as const, label: 'memory' })

  createKey({ secret }: { secret: string }, input: NewServiceKey) {
    return this.call('make a key', () => {
      const id = `key-${++this.made}`
      this.keys.set(id, {
        id,
        account: secret,
        name: input.name,
        cap: input.cap,
        reset: input.reset,
        expiresAt: input.expiresAt,
        createdAt: this.now(),
        disabled: false,
        deleted: false,
        spends: [],
      })
      const made = { cap: input.cap, reset: input.reset, expiresAt: input.expiresAt }
      return { id, label: `…${id}`, plaintext: `secret of ${id}`, made }
    })
  }

  changeKey(_credential: unknown, id: string, change: KeyChange): Promise<ServiceKey> {
    return this.call('change a key', () => {
      const key = this.find(id)
      if (change.disabled !== undefined) key.disabled = change.disabled
      if (change.limit !== undefined) key.cap = change.limit
      if (change.reset !== undefined) key.reset = change.reset
      return this.wire(key)
    })
  }

  deleteKey(_credential: unknown, id: string): Promise<void> {
    return this.call('delete a key', () => {
      const key = this.keys.get(id)
      if (key) key.deleted = true
    })
  }

  async *listKeys({ secret }: { secret: string }): AsyncIterable<KeyPage> {
    const keys = await this.call('list keys', () =>
      [...this.keys.values()]
        .filter((key) => !key.deleted && key.account === secret)
        .map((key) => this.wire(key))
        .reverse(),
    )
    for (let from = 0; from < keys.length; from += 100)
      yield { keys: keys.slice(from, from + 100), unreadable: 0 }
  }

  findKey(_credential: unknown, id: string): Promise<ServiceKey | null> {
    return this.call('find a key', () => {
      const key = this.keys.get(id)
      return key && !key.deleted ? this.wire(key) : null
    })
  }

  /** What the key may still spend now. */
  left(key: Held): bigint {
    const over = key.expiresAt !== null && key.expiresAt <= this.now()
    if (key.disabled || key.deleted || over) return 0n
    const left = key.cap - this.used(key, key.reset, this.now())
    return left > 0n ? left : 0n
  }

  use(key: Held, amount: bigint): void {
    if (amount > 0n) key.spends.push({ at: this.now().getTime(), amount })
  }

  used(key: Held, reset: Held['reset'], at: Date, counted = at.getTime()): bigint {
    const day = 86_400_000
    const from =
      reset === null
        ? 0
        : reset === 'daily'
          ? Math.floor(at.getTime() / day) * day
          : reset === 'weekly'
            ? Math.floor((at.getTime() - 4 * day) / (7 * day)) * 7 * day + 4 * day
            : Date.UTC(at.getUTCFullYear(), at.getUTCMonth())
    return key.spends
      .filter((spend) => spend.at >= from && spend.at <= counted)
      .reduce((sum, { amount }) => sum + amount, 0n)
  }

  private wire(key: Held): ServiceKey {
    const now = this.now()
    const counted = (reset: Held['reset']) => this.used(key, reset, now, now.getTime() - this.lagMs)
    return {
      id: key.id,
      name: key.name,
      label: `…${key.id}`,
      cap: key.cap,
      reset: key.reset,
      createdAt: key.createdAt,
      expiresAt: key.expiresAt,
      usage: counted(null),
      usageBy: { daily: counted('daily'), weekly: counted('weekly'), monthly: counted('monthly') },
      usedInWindow: counted(key.reset),
      windowEndsAt: null,
      disabled: key.disabled,
    }
  }

  private find(id: string): Held {
    const key = this.keys.get(id)
    if (!key || key.deleted)
      throw new ProviderError({ call: 'find', kind: 'rejected', reason: 'not-found', status: 404 })
    return key
  }

  private async call<T>(call: string, effect: () => T): Promise<T> {
    await this.turns.turn()
    this.calls++
    const fate =
      this.faultEvery > 0 && this.below(this.faultEvery) === 0
        ? fates[this.below(fates.length)]
        : undefined
    if (fate) this.happened.set(fate, (this.happened.get(fate) ?? 0) + 1)
    const doubt = (reason: 'timeout' | 'connection-lost' | 'server-error' | 'unreadable-answer') =>
      new ProviderError({ call, kind: 'ambiguous', reason })
    switch (fate) {
      case undefined:
        return effect()
      case 'rate-limited':
        throw new ProviderError({ call, kind: 'retryable', reason: 'rate-limited', status: 429 })
      case 'refused-before':
        throw doubt('server-error')
      case 'cut-before':
        throw doubt('connection-lost')
      case 'timed-out':
        throw doubt('timeout')
      case 'cut-after':
        effect()
        throw doubt('connection-lost')
      case 'unreadable':
        effect()
        throw doubt('unreadable-answer')
      case 'delayed':
        // One call at a time is on its way, and only changes travel that long.
        if (call === 'change a key' && this.delayed.length === 0)
          this.delayed.push({ run: () => void effect(), sentAt: this.now().getTime() })
        throw doubt('timeout')
      case 'crash-before':
        throw new Crash('before the call')
      case 'crash-after':
        effect()
        throw new Crash('after the call')
    }
  }
}
