/** The service in memory with a cap that Keymint holds, and what it may cost by the hour. */
import type {
  NewServiceKey,
  ServiceCapabilities,
  ServiceCredential,
  ServiceKey,
} from '~/adapters/service-adapter'
import { MemoryService } from './memory-service'

export class MeteredService extends MemoryService {
  override readonly capabilities: ServiceCapabilities
  /** How often each key was read by itself, and with which note. */
  readonly notes: (string | null)[] = []

  constructor(
    private readonly clock: () => Date,
    options: { end: 'disable' | 'delete'; perHour?: bigint },
  ) {
    super(clock, 'metered')
    this.perHour = options.perHour ?? null
    this.capabilities = {
      ...new MemoryService(clock).capabilities,
      capBy: 'keymint',
      expiryBy: 'keymint',
      resets: [],
      rotation: false,
      keepsTotal: true,
      end: options.end,
      readEverySeconds: 60,
      settleSeconds: 60,
      options: [{ name: 'size', label: 'Size', choices: [{ value: 's', label: 'Small' }] }],
    }
  }
  private readonly perHour: bigint | null

  override async createKey(credential: ServiceCredential, key: NewServiceKey) {
    const made = await super.createKey(credential, key)
    // It knows no cap: what the memory service would hold is out of reach.
    const held = this.keys.get(made.id)
    if (held) held.cap = 10n ** 18n
    return { ...made, made: {}, meter: 'begun', perHour: this.perHour }
  }

  override async changeKey(...[credential, id, change]: Parameters<MemoryService['changeKey']>) {
    const { disabled } = change
    return withoutCap(
      await super.changeKey(credential, id, disabled === undefined ? {} : { disabled }),
    )
  }

  override async findKey(
    credential: ServiceCredential,
    id: string,
    meter: string | null = null,
  ): Promise<ServiceKey | null> {
    this.notes.push(meter)
    const key = await super.findKey(credential, id)
    if (!key) return null
    const hours = this.clock().getTime() - (key.createdAt?.getTime() ?? 0)
    const byTime = ((this.perHour ?? 0n) * BigInt(hours)) / 3_600_000n
    const usage = (key.usage ?? 0n) + byTime
    return {
      ...withoutCap(key),
      usage,
      usedInWindow: usage,
      usageBy: { daily: null, weekly: null, monthly: null },
      meter: `read ${this.notes.length}`,
      perHour: key.disabled ? null : this.perHour,
    }
  }
}

const withoutCap = (key: ServiceKey): ServiceKey => ({ ...key, cap: null, expiresAt: null })
