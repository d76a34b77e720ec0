/**
 * All that this OpenRouter account holds: keys, guardrails, assignments, workspaces and spend.
 * Every change is an entry: applied in memory at once, and durable when the promise of `record`
 * resolves. Starting again replays the entries, so a killed stand-in comes back with the same keys
 * and the same counters.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { openJournal, readJournal, type Journal } from '../shared/journal.ts'
import {
  type KeyRecord,
  type GuardrailRecord,
  type AssignmentRecord,
  type WorkspaceRecord,
  type Spend,
  type ActivityRow,
  type AccountRecord,
  makePlaintext,
  makeWorkspace,
} from './records.ts'
import { noByok, type Usage } from './byok.ts'
import { addSpend, makeCounter, type SpendCounter } from './spend-counter.ts'

interface Totals {
  usageNano: number
  members: Record<string, SpendCounter>
  byokMembers: Record<string, SpendCounter>
}

type Entry =
  | { type: 'account'; account: AccountRecord }
  | { type: 'key'; key: KeyRecord }
  | { type: 'guardrail'; guardrail: GuardrailRecord }
  | { type: 'guardrail-deleted'; id: string }
  | { type: 'assigned'; assignment: AssignmentRecord }
  | { type: 'unassigned'; keyHash: string }
  | { type: 'workspace'; workspace: WorkspaceRecord }
  | { type: 'workspace-deleted'; id: string }
  | { type: 'spent'; spend: Spend }
  | { type: 'totals'; totals: Totals }
  | { type: 'activity'; row: ActivityRow }
  | { type: 'generation'; spend: Spend }

const fileName = 'openrouter-ledger.jsonl'
const generationsKept = 2000

export class Ledger {
  account: AccountRecord = {
    managementKey: '',
    userId: '',
    defaultWorkspaceId: '',
    byok: noByok,
  }
  readonly keys = new Map<string, KeyRecord>()
  /** Oldest first, deleted ones included. */
  keysByAge: KeyRecord[] = []
  readonly guardrails = new Map<string, GuardrailRecord>()
  readonly assignments = new Map<string, AssignmentRecord>()
  readonly assignmentsOfGuardrail = new Map<string, Map<string, AssignmentRecord>>()
  readonly workspaces = new Map<string, WorkspaceRecord>()
  /** Of each member, over all the keys made. */
  readonly memberUsage = new Map<string, Usage>()
  readonly activity = new Map<string, ActivityRow>()
  readonly generations = new Map<string, Spend>()
  usageNano = 0
  /** Made before the present one, and not deleted yet. A restart forgets them. */
  readonly olderManagementKeys = new Set<string>()
  private journal: Journal | null = null

  static async open(options: {
    dataDir: string | undefined
    managementKey: string | undefined
    now: number
  }): Promise<Ledger> {
    const ledger = new Ledger()
    // Only this class writes the file, so its lines are entries.
    for (const entry of readJournal(options.dataDir, fileName)) ledger.apply(entry as Entry)
    if (ledger.account.userId === '') {
      const workspaceId = randomUUID()
      ledger.apply({
        type: 'account',
        account: {
          managementKey: '',
          userId: `user_${randomBytes(14).toString('hex').slice(0, 27)}`,
          defaultWorkspaceId: workspaceId,
          byok: noByok,
        },
      })
      ledger.apply({
        type: 'workspace',
        workspace: makeWorkspace({
          id: workspaceId,
          name: 'Default Workspace',
          slug: 'default',
          now: options.now,
          rest: {},
        }),
      })
    }
    const managementKey = options.managementKey ?? (ledger.account.managementKey || makePlaintext())
    ledger.account = { ...ledger.account, managementKey }
    ledger.keysByAge.sort((a, b) => a.createdAt - b.createdAt)
    ledger.journal = await openJournal(options.dataDir, ledger.snapshot(), fileName)
    return ledger
  }

  record(...entries: Entry[]): Promise<void> {
    let written: Promise<void> = Promise.resolve()
    for (const entry of entries) {
      this.apply(entry)
      if (this.journal) written = this.journal.append(entry)
    }
    return written
  }

  async close(): Promise<void> {
    await this.journal?.close()
  }

  isManagementKey(token: string): boolean {
    return token === this.account.managementKey || this.olderManagementKeys.has(token)
  }

  findLiveKey(hash: string): KeyRecord | undefined {
    const key = this.keys.get(hash)
    return key?.deletedAt === null ? key : undefined
  }

  private apply(entry: Entry): void {
    switch (entry.type) {
      case 'account':
        // A ledger of an earlier version knows no BYOK, here and below.
        this.account = { ...entry.account, byok: entry.account.byok ?? noByok }
        return
      case 'key':
        this.applyKey({ ...entry.key, byokUsage: entry.key.byokUsage ?? makeCounter() })
        return
      case 'guardrail':
        this.guardrails.set(entry.guardrail.id, entry.guardrail)
        return
      case 'guardrail-deleted':
        this.guardrails.delete(entry.id)
        for (const hash of this.assignmentsOfGuardrail.get(entry.id)?.keys() ?? [])
          this.assignments.delete(hash)
        this.assignmentsOfGuardrail.delete(entry.id)
        return
      case 'assigned':
        this.unassign(entry.assignment.keyHash)
        this.assignments.set(entry.assignment.keyHash, entry.assignment)
        this.assignmentMap(entry.assignment.guardrailId).set(
          entry.assignment.keyHash,
          entry.assignment,
        )
        return
      case 'unassigned':
        this.unassign(entry.keyHash)
        return
      case 'workspace':
        this.workspaces.set(entry.workspace.id, entry.workspace)
        return
      case 'workspace-deleted':
        this.workspaces.delete(entry.id)
        return
      case 'spent':
        this.applySpend({ ...entry.spend, isByok: entry.spend.isByok ?? false })
        return
      case 'totals':
        this.usageNano = entry.totals.usageNano
        for (const [member, usage] of Object.entries(entry.totals.members)) {
          const byokUsage = entry.totals.byokMembers?.[member] ?? makeCounter()
          this.memberUsage.set(member, { usage, byokUsage })
        }
        return
      case 'activity':
        this.activity.set(activityId(entry.row), {
          ...entry.row,
          byokNano: entry.row.byokNano ?? 0,
        })
        return
      case 'generation':
        this.keepGeneration({ ...entry.spend, isByok: entry.spend.isByok ?? false })
    }
  }

  private applyKey(key: KeyRecord): void {
    const known = this.keys.get(key.hash)
    if (known) Object.assign(known, key)
    else {
      this.keys.set(key.hash, key)
      const newest = this.keysByAge.at(-1)
      this.keysByAge.push(key)
      if (newest && newest.createdAt > key.createdAt && this.journal)
        this.keysByAge.sort((a, b) => a.createdAt - b.createdAt)
    }
    if (key.deletedAt !== null) this.unassign(key.hash)
  }

  private applySpend(spend: Spend): void {
    const key = this.keys.get(spend.keyHash)
    if (!spend.isByok) this.usageNano += spend.nano
    this.keepGeneration(spend)
    if (!key) return
    addSpend(spend.isByok ? key.byokUsage : key.usage, spend.nano, spend.at)
    if (key.creatorUserId !== null) {
      const member = this.memberUsage.get(key.creatorUserId) ?? {
        usage: makeCounter(),
        byokUsage: makeCounter(),
      }
      addSpend(spend.isByok ? member.byokUsage : member.usage, spend.nano, spend.at)
      this.memberUsage.set(key.creatorUserId, member)
    }
    const empty: ActivityRow = {
      date: new Date(spend.at).toISOString().slice(0, 10),
      keyHash: key.hash,
      workspaceId: key.workspaceId,
      model: spend.model,
      nano: 0,
      byokNano: 0,
      requests: 0,
      promptTokens: 0,
      completionTokens: 0,
    }
    const row = this.activity.get(activityId(empty)) ?? empty
    if (spend.isByok) row.byokNano += spend.nano
    else row.nano += spend.nano
    row.requests += 1
    row.promptTokens += spend.promptTokens
    row.completionTokens += spend.completionTokens
    this.activity.set(activityId(row), row)
  }

  private keepGeneration(spend: Spend): void {
    this.generations.set(spend.id, spend)
    if (this.generations.size <= generationsKept) return
    const oldest = this.generations.keys().next()
    if (!oldest.done) this.generations.delete(oldest.value)
  }

  private unassign(keyHash: string): void {
    const held = this.assignments.get(keyHash)
    if (!held) return
    this.assignments.delete(keyHash)
    this.assignmentsOfGuardrail.get(held.guardrailId)?.delete(keyHash)
  }

  private assignmentMap(guardrailId: string): Map<string, AssignmentRecord> {
    const known = this.assignmentsOfGuardrail.get(guardrailId)
    if (known) return known
    const made = new Map<string, AssignmentRecord>()
    this.assignmentsOfGuardrail.set(guardrailId, made)
    return made
  }

  private *snapshot(): Generator<Entry> {
    yield { type: 'account', account: this.account }
    for (const workspace of this.workspaces.values()) yield { type: 'workspace', workspace }
    for (const key of this.keysByAge) yield { type: 'key', key }
    for (const guardrail of this.guardrails.values()) yield { type: 'guardrail', guardrail }
    for (const assignment of this.assignments.values()) yield { type: 'assigned', assignment }
    for (const row of this.activity.values()) yield { type: 'activity', row }
    for (const spend of this.generations.values()) yield { type: 'generation', spend }
    const members = [...this.memberUsage]
    yield {
      type: 'totals',
      totals: {
        usageNano: this.usageNano,
        members: Object.fromEntries(members.map(([member, { usage }]) => [member, usage])),
        byokMembers: Object.fromEntries(members.map(([member, one]) => [member, one.byokUsage])),
      },
    }
  }
}

function activityId(row: ActivityRow): string {
  return `${row.date} ${row.keyHash} ${row.model}`
}
