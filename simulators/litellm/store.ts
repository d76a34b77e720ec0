/**
 * All that this LiteLLM proxy holds: its master key, virtual keys and what they have spent. Every
 * change is a line of a journal before it is answered, so a stand-in killed with SIGKILL comes back
 * with the same keys.
 */
import { createHash, randomBytes } from 'node:crypto'
import { openJournal, readJournal, type Journal } from '../shared/journal.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { nextReset } from './durations.ts'

export interface KeyRecord {
  /** The SHA-256 of the key: its id everywhere. */
  token: string
  plaintext: string
  /** `sk-...` and the last four characters. */
  keyName: string
  alias: string | null
  /** Since the last reset of the budget, or since the key was made when there is none. */
  spendNano: number
  maxBudgetNano: number | null
  budgetDuration: string | null
  budgetResetAt: number | null
  models: string[]
  metadata: JsonObject
  allowedRoutes: string[]
  blocked: boolean | null
  expires: number | null
  createdAt: number
  updatedAt: number
}

type Entry =
  | { type: 'master'; masterKey: string }
  | { type: 'key'; key: KeyRecord }
  | { type: 'deleted'; token: string }
  | { type: 'spent'; token: string; nano: number }

const fileName = 'litellm-keys.jsonl'

export class Store {
  masterKey = ''
  /** Oldest first. Deleted keys are gone, as in LiteLLM's own table. */
  readonly keys = new Map<string, KeyRecord>()
  private journal: Journal | null = null

  static async open(options: {
    dataDir: string | undefined
    masterKey: string | undefined
  }): Promise<Store> {
    const store = new Store()
    // Only this class writes the file, so its lines are entries.
    for (const entry of readJournal(options.dataDir, fileName)) store.apply(entry as Entry)
    store.masterKey =
      options.masterKey ?? (store.masterKey || `sk-${randomBytes(24).toString('base64url')}`)
    store.journal = await openJournal(options.dataDir, store.snapshot(), fileName)
    return store
  }

  record(entry: Entry): Promise<void> {
    this.apply(entry)
    return this.journal?.append(entry) ?? Promise.resolve()
  }

  async close(): Promise<void> {
    await this.journal?.close()
  }

  /** By the key itself or by its hash. */
  find(keyOrToken: string): KeyRecord | undefined {
    return this.keys.get(keyOrToken.startsWith('sk-') ? hashOf(keyOrToken) : keyOrToken)
  }

  findAlias(alias: string): KeyRecord | undefined {
    return [...this.keys.values()].find((key) => key.alias === alias)
  }

  /** The proxy's reset job: sets the spend of due budgets to zero and their next reset. */
  async resetDue(now: number): Promise<void> {
    for (const key of this.keys.values()) {
      if (key.budgetResetAt === null || key.budgetDuration === null || key.budgetResetAt > now)
        continue
      await this.record({
        type: 'key',
        key: { ...key, spendNano: 0, budgetResetAt: nextReset(key.budgetDuration, now) },
      })
    }
  }

  private apply(entry: Entry): void {
    switch (entry.type) {
      case 'master':
        this.masterKey = entry.masterKey
        return
      case 'key':
        this.keys.set(entry.key.token, entry.key)
        return
      case 'deleted':
        this.keys.delete(entry.token)
        return
      case 'spent': {
        const key = this.keys.get(entry.token)
        if (key) key.spendNano += entry.nano
      }
    }
  }

  private *snapshot(): Generator<Entry> {
    yield { type: 'master', masterKey: this.masterKey }
    for (const key of this.keys.values()) yield { type: 'key', key }
  }
}

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

export function makeKey(): string {
  return `sk-${randomBytes(16).toString('base64url')}`
}
