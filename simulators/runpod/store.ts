/**
 * All that this RunPod account holds: its keys, its balance, and pods with the times at which they
 * ran. Every change is a line of a journal before it is answered, so a stand-in killed with SIGKILL
 * comes back with the same pods.
 */
import { randomBytes } from 'node:crypto'
import { openJournal, readJournal, type Journal } from '../shared/journal.ts'

export interface Pod {
  id: string
  name: string
  image: string
  /** Absent in journals from before it was kept. */
  args?: string
  gpu: { id: string; count: number }
  cloud: 'SECURE' | 'COMMUNITY'
  disk: number
  ports: string[]
  env: Record<string, string>
  /** USD an hour, disk aside. */
  costPerHour: number
  createdAt: number
  /** When it ran; the last one has no end while it runs. */
  runs: { from: number; to: number | null }[]
  /** By the control API, in USD. */
  charges: { at: number; usd: number }[]
  deletedAt: number | null
}

type Entry =
  | { type: 'account'; apiKey: string; readOnlyKey: string }
  /** Journals from before charges were kept have none. */
  | { type: 'pod'; pod: Omit<Pod, 'charges'> & Partial<Pick<Pod, 'charges'>> }
  | { type: 'balance'; usd: number }

const fileName = 'runpod-pods.jsonl'
/** USD a GB and month of a running container disk. */
const diskPrice = 0.1
const hoursOfMonth = 730
const hourMs = 3_600_000

export class Store {
  apiKey = ''
  /** May read, and nothing else. */
  readOnlyKey = ''
  /** Bought so far, in USD. */
  bought = 100
  /** Oldest first, deleted ones too: their billing stays readable. */
  readonly pods = new Map<string, Pod>()
  private journal: Journal | null = null

  static async open(options: {
    dataDir: string | undefined
    apiKey: string | undefined
  }): Promise<Store> {
    const store = new Store()
    // Only this class writes the file, so its lines are entries.
    for (const entry of readJournal(options.dataDir, fileName)) store.apply(entry as Entry)
    store.apiKey = options.apiKey ?? (store.apiKey || makeKey())
    store.readOnlyKey ||= makeKey()
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

  /** A pod that was not deleted. */
  find(id: string): Pod | undefined {
    const pod = this.pods.get(id)
    return pod && pod.deletedAt === null ? pod : undefined
  }

  /** What is left of the balance at a time, in USD. */
  balance(at: number): number {
    return [...this.pods.values()].reduce((left, pod) => left - chargedUntil(pod, at), this.bought)
  }

  /** At a balance of nothing, pods are terminated. */
  async endWithoutBalance(now: number): Promise<void> {
    if (this.balance(now) > 0) return
    for (const pod of this.pods.values())
      if (pod.deletedAt === null) await this.record({ type: 'pod', pod: ended(pod, now) })
  }

  private apply(entry: Entry): void {
    switch (entry.type) {
      case 'account':
        this.apiKey = entry.apiKey
        this.readOnlyKey = entry.readOnlyKey
        return
      case 'pod':
        this.pods.set(entry.pod.id, { ...entry.pod, charges: entry.pod.charges ?? [] })
        return
      case 'balance':
        this.bought = entry.usd
    }
  }

  private *snapshot(): Generator<Entry> {
    yield { type: 'account', apiKey: this.apiKey, readOnlyKey: this.readOnlyKey }
    yield { type: 'balance', usd: this.bought }
    for (const pod of this.pods.values()) yield { type: 'pod', pod }
  }
}

export const isRunning = (pod: Pod) => pod.runs.at(-1)?.to === null

/** Stopped at `now`, where it ran. */
export const stopped = (pod: Pod, now: number): Pod => ({
  ...pod,
  runs: pod.runs.map((run) => (run.to === null ? { ...run, to: now } : run)),
})

export const ended = (pod: Pod, now: number): Pod => ({ ...stopped(pod, now), deletedAt: now })

/** USD for GPU and disk, each by the millisecond of use. */
export function costsBetween(pod: Pod, start: number, end: number): { gpu: number; disk: number } {
  const hours = pod.runs.reduce(
    (sum, { from, to }) =>
      sum + Math.max(0, Math.min(to ?? end, end) - Math.max(from, start)) / hourMs,
    0,
  )
  return { gpu: hours * pod.costPerHour, disk: (hours * pod.disk * diskPrice) / hoursOfMonth }
}

function chargedUntil(pod: Pod, at: number): number {
  const { gpu, disk } = costsBetween(pod, pod.createdAt, at)
  return gpu + disk + pod.charges.reduce((sum, { usd }) => sum + usd, 0)
}

const makeKey = () => `rpa_${randomBytes(24).toString('base64url')}`

/** Fourteen letters and digits, as pods are named. */
export const makePodId = () => randomBytes(16).toString('hex').slice(0, 14)
