/**
 * All that this AWS account holds: users with their access keys and policies, and the objects of one
 * bucket. Every change is a line of a journal before it is answered. What S3 knows of keys and
 * policies may lag behind IAM, as the real one's does: each keeps when it changed.
 */
import { randomBytes } from 'node:crypto'
import { openJournal, readJournal, type Journal } from '../shared/journal.ts'
import type { Policy } from './policy.ts'

export interface AccessKey {
  id: string
  secret: string
  /** Oldest first; the last is what IAM says. */
  states: { at: number; status: 'Active' | 'Inactive' | 'Deleted' }[]
}
export interface User {
  name: string
  path: string
  createdAt: number
  boundary: string | null
  keys: AccessKey[]
  /** Oldest first; the last is what IAM says. `document` is the text as it was sent. */
  policies: { at: number; name?: string; document: string; policy: Policy | null }[]
  deleted: boolean
}
export interface StoredObject {
  key: string
  size: number
  /** Base64; null for one that has a size only. */
  content: string | null
  at: number
  /** Absent where it has a size only. */
  etag?: string
  type?: string
  /** Headers that come back as they were sent: `x-amz-meta-*`, `cache-control` and their like. */
  meta?: Record<string, string>
}
export interface Upload {
  id: string
  key: string
  /** Absent in journals from before they were kept. */
  at?: number
  type?: string
  meta?: Record<string, string>
  parts: Record<string, { size: number; content: string; etag?: string; at?: number }>
}

type Entry =
  | { type: 'root'; id: string; secret: string }
  | { type: 'user'; user: User }
  | { type: 'object'; object: StoredObject }
  | { type: 'object-gone'; key: string }
  | { type: 'upload'; upload: Upload }
  | { type: 'upload-gone'; id: string }
  | { type: 'metrics'; id: string; prefix: string }
  | { type: 'metrics-gone'; id: string }
  | { type: 'point'; id: string; metric: string; minute: number; value: number }

const fileName = 'aws-account.jsonl'

export class Store {
  root = { id: '', secret: '' }
  readonly bucket = 'team-storage'
  readonly users = new Map<string, User>()
  readonly objects = new Map<string, StoredObject>()
  readonly uploads = new Map<string, Upload>()
  /** Prefixes, by the id of their metrics configuration. */
  readonly metrics = new Map<string, string>()
  /** By configuration and metric; what was counted stays when the configuration goes. */
  readonly points = new Map<string, { minute: number; value: number }[]>()
  /** Of one user. */
  maxAccessKeys = 2
  /** What the bucket says of versions; none are kept here. */
  versioning: 'Enabled' | 'Suspended' | null = null
  private journal: Journal | null = null

  static async open(dataDir: string | undefined): Promise<Store> {
    const store = new Store()
    // Only this class writes the file, so its lines are entries.
    for (const entry of readJournal(dataDir, fileName)) store.apply(entry as Entry)
    if (store.root.id === '') store.root = makeAccessKey()
    store.journal = await openJournal(dataDir, store.snapshot(), fileName)
    return store
  }

  record(entry: Entry): Promise<void> {
    this.apply(entry)
    return this.journal?.append(entry) ?? Promise.resolve()
  }

  async close(): Promise<void> {
    await this.journal?.close()
  }

  user(name: string): User | undefined {
    const user = this.users.get(name)
    return user && !user.deleted ? user : undefined
  }

  keyOwner(accessKeyId: string): { user: User; key: AccessKey } | undefined {
    for (const user of this.users.values())
      for (const key of user.keys) if (key.id === accessKeyId) return { user, key }
    return undefined
  }

  private apply(entry: Entry): void {
    switch (entry.type) {
      case 'root':
        this.root = { id: entry.id, secret: entry.secret }
        return
      case 'user':
        this.users.set(entry.user.name, entry.user)
        return
      case 'object':
        this.objects.set(entry.object.key, entry.object)
        return
      case 'object-gone':
        this.objects.delete(entry.key)
        return
      case 'upload':
        this.uploads.set(entry.upload.id, entry.upload)
        return
      case 'upload-gone':
        this.uploads.delete(entry.id)
        return
      case 'metrics':
        this.metrics.set(entry.id, entry.prefix)
        return
      case 'metrics-gone':
        this.metrics.delete(entry.id)
        return
      case 'point':
        this.addPoint(entry)
    }
  }

  private addPoint({ id, metric, minute, value }: Extract<Entry, { type: 'point' }>): void {
    const name = `${id} ${metric}`
    const points = this.points.get(name) ?? []
    const last = points.at(-1)
    if (last?.minute === minute) last.value += value
    else points.push({ minute, value })
    this.points.set(name, points)
  }

  private *snapshot(): Generator<Entry> {
    yield { type: 'root', ...this.root }
    for (const user of this.users.values()) yield { type: 'user', user }
    for (const object of this.objects.values()) yield { type: 'object', object }
    for (const upload of this.uploads.values()) yield { type: 'upload', upload }
    for (const [id, prefix] of this.metrics) yield { type: 'metrics', id, prefix }
    for (const [name, points] of this.points) {
      const [id = '', metric = ''] = name.split(' ')
      for (const { minute, value } of points) yield { type: 'point', id, metric, minute, value }
    }
  }
}

/** The last of these that was so at a time. */
export const lastAt = <T extends { at: number }>(states: readonly T[], at: number) =>
  states.filter((state) => state.at <= at).at(-1)

/** The policies of a user at a time: of each name the last. */
export function policiesAt(user: User, at: number): Policy[] {
  const known = new Map<string, Policy | null>()
  for (const one of user.policies) if (one.at <= at) known.set(policyName(one), one.policy)
  return [...known.values()].filter((policy) => policy !== null)
}

/** Journals from before names were kept have none. */
export const policyName = ({ name }: { name?: string }) => name ?? 'keymint'

export const statusOf = (key: AccessKey) => key.states.at(-1)?.status ?? 'Deleted'

/** The keys that IAM still lists. */
export const presentKeys = (user: User) => user.keys.filter((key) => statusOf(key) !== 'Deleted')

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
export const makeAccessKey = () => ({
  id: `AKIA${[...randomBytes(16)].map((byte) => alphabet[byte % 32]).join('')}`,
  secret: randomBytes(30).toString('base64'),
})

/** Every key that was ever made, lost and deleted ones too. */
export const keysEverMade = (store: Store) =>
  [...store.users.values()].flatMap((user) =>
    user.keys.map((key) => ({
      user: user.name,
      id: key.id,
      secret: key.secret,
      status: statusOf(key),
    })),
  )
