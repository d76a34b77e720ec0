/** What the ledger holds, and the making of keys and workspaces. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Interval } from '../shared/money.ts'
import type { JsonObject } from '../shared/refusal.ts'
import type { SpendCounter } from './spend-counter.ts'

export interface KeyRecord {
  hash: string
  plaintext: string
  label: string
  name: string
  disabled: boolean
  limitNano: number | null
  limitReset: Interval | null
  includeByokInLimit: boolean
  createdAt: number
  updatedAt: number | null
  expiresAt: string | null
  creatorUserId: string | null
  externalUser: string | null
  workspaceId: string
  deletedAt: number | null
  /** Credits. */
  usage: SpendCounter
  /** What the account's own provider keys were charged. */
  byokUsage: SpendCounter
}

export interface GuardrailRecord {
  id: string
  name: string
  workspaceId: string
  createdAt: number
  updatedAt: number | null
  limitNano: number | null
  resetInterval: Interval | null
  allowedModels: string[] | null
  ignoredModels: string[] | null
  allowedProviders: string[] | null
  ignoredProviders: string[] | null
  includeByokInBudgets: boolean
  /**
   * Fields that are kept and returned but steer nothing here: description, regions, filters,
   * privacy switches.
   */
  rest: JsonObject
}

export interface AssignmentRecord {
  id: string
  keyHash: string
  guardrailId: string
  assignedBy: string | null
  createdAt: number
}

export interface WorkspaceRecord {
  id: string
  name: string
  slug: string
  createdAt: number
  updatedAt: number | null
  defaultGuardrailId: string
  rest: JsonObject
}

export interface Spend {
  id: string
  keyHash: string
  nano: number
  /** Served by an own provider key: `nano` is what that provider charges, not credits. */
  isByok: boolean
  at: number
  model: string
  promptTokens: number
  completionTokens: number
  streamed: boolean
  milliseconds: number
  finishReason: string
}

export interface ActivityRow {
  date: string
  keyHash: string
  workspaceId: string
  model: string
  nano: number
  byokNano: number
  requests: number
  promptTokens: number
  completionTokens: number
}

/** The account's own provider keys. */
export interface ByokRecord {
  /** Of the requests to these providers, from 0 (an account without BYOK) to 1. */
  share: number
  /** Null for all. */
  providers: string[] | null
}

export interface AccountRecord {
  managementKey: string
  userId: string
  defaultWorkspaceId: string
  byok: ByokRecord
}

export function makePlaintext(): string {
  return `sk-or-v1-${randomBytes(32).toString('hex')}`
}

export function hashOf(plaintext: string): string {
  return createHash('sha256').update(plaintext).digest('hex')
}

/** What may be shown of a key: `sk-or-v1-0e6...1c96`. */
export function labelOf(plaintext: string): string {
  return `${plaintext.slice(0, 12)}...${plaintext.slice(-4)}`
}

export function makeWorkspace(input: {
  id: string
  name: string
  slug: string
  now: number
  rest: JsonObject
}): WorkspaceRecord {
  return {
    id: input.id,
    name: input.name,
    slug: input.slug,
    createdAt: input.now,
    updatedAt: null,
    defaultGuardrailId: randomUUID(),
    rest: input.rest,
  }
}
