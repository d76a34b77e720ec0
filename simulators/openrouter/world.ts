/**
 * One running account: its ledger, its clock, its faults, and who is calling.
 * Handlers take a Call and return a Reply; only server.ts touches sockets.
 */
import type { FaultRule, Faults } from '../shared/faults.ts'
import { nanoToUsd, type Interval } from '../shared/money.ts'
import type { JsonObject } from '../shared/refusal.ts'
import type { Reply } from '../shared/reply.ts'
import type { Ledger } from './ledger.ts'
import { countedNano } from './byok.ts'
import type { CreateLimits } from './create-limits.ts'
import { hashOf, type KeyRecord } from './records.ts'
import { spentNano } from './spend-counter.ts'
import { refuse } from './wire.ts'

export interface World {
  ledger: Ledger
  faults: Faults
  createLimits: CreateLimits
  now(): number
  /** Spends that the reported counters do not show yet, per key; enforcement sees them at once. */
  recentSpends: Map<string, { at: number; nano: number; isByok: boolean }[]>
  /** The part of a request by which the account's own provider keys are behind their share. */
  byokDue: number
  inFlightNano: number
  freeCalls: number[]
  /** Resolves early when the server stops. */
  pause(milliseconds: number): Promise<void>
}

export type Caller = { kind: 'management' } | { kind: 'key'; key: KeyRecord }

export interface Call {
  world: World
  params: readonly string[]
  query: URLSearchParams
  headers: Record<string, string | string[] | undefined>
  body: JsonObject
  caller: Caller | null
  fault: FaultRule | null
}

export type Handler = (call: Call) => Reply | Promise<Reply>

/** Unknown, deleted, disabled and expired keys are refused alike. */
export function identify(world: World, authorization: string | undefined): Caller {
  if (authorization === undefined || authorization === '')
    throw refuse(401, 'Missing Authentication header')
  const token = /^Bearer\s+(\S+)\s*$/i.exec(authorization)?.[1]
  if (token === undefined) throw refuse(401, 'Missing Authentication header')
  if (world.ledger.isManagementKey(token)) return { kind: 'management' }
  const key = world.ledger.findLiveKey(hashOf(token))
  if (!key || key.disabled || isExpired(key, world.now())) throw refuse(401, 'User not found.')
  return { kind: 'key', key }
}

function isExpired(key: KeyRecord, now: number): boolean {
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= now
}

/** The key that called; a management key cannot do inference. */
export function requireInferenceKey(call: Call): KeyRecord {
  if (call.caller?.kind !== 'key') throw refuse(401, 'User not found.')
  return call.caller.key
}

export function balanceNano(world: World): number {
  return Math.round(world.faults.settings.credits * 1e9) - world.ledger.usageNano
}

export function usedOfLimitNano(key: KeyRecord, now: number): number {
  return countedNano(key, key.includeByokInLimit, key.limitReset, now)
}

/** The counters as a caller may read them: they trail by `usageLagMs`. */
function reportedSpentNano(
  world: World,
  key: KeyRecord,
  interval: Interval | null,
  counter: 'usage' | 'byokUsage',
): number {
  const now = world.now()
  const spent = spentNano(key[counter], interval, now)
  const recent = world.recentSpends.get(key.hash)
  if (!recent) return spent
  const hidden = recent.filter((one) => one.at > now - world.faults.settings.usageLagMs)
  if (hidden.length === 0) world.recentSpends.delete(key.hash)
  else world.recentSpends.set(key.hash, hidden)
  const isByok = counter === 'byokUsage'
  const hiddenNano = hidden.reduce((sum, one) => sum + (one.isByok === isByok ? one.nano : 0), 0)
  return Math.max(0, spent - hiddenNano)
}

export function rememberSpend(world: World, keyHash: string, nano: number, isByok: boolean): void {
  if (world.faults.settings.usageLagMs === 0) return
  const recent = world.recentSpends.get(keyHash) ?? []
  recent.push({ at: world.now(), nano, isByok })
  world.recentSpends.set(keyHash, recent)
}

/** The usage and limit block that `/keys` and `/key` share. */
export function usageToWire(world: World, key: KeyRecord): JsonObject {
  const credits = (interval: Interval | null) => reportedSpentNano(world, key, interval, 'usage')
  const byok = (interval: Interval | null) => reportedSpentNano(world, key, interval, 'byokUsage')
  const inLimit = credits(key.limitReset) + (key.includeByokInLimit ? byok(key.limitReset) : 0)
  return {
    label: key.label,
    limit: key.limitNano === null ? null : nanoToUsd(key.limitNano),
    limit_remaining: key.limitNano === null ? null : nanoToUsd(key.limitNano - inLimit),
    limit_reset: key.limitReset,
    include_byok_in_limit: key.includeByokInLimit,
    usage: nanoToUsd(credits(null)),
    usage_daily: nanoToUsd(credits('daily')),
    usage_weekly: nanoToUsd(credits('weekly')),
    usage_monthly: nanoToUsd(credits('monthly')),
    byok_usage: nanoToUsd(byok(null)),
    byok_usage_daily: nanoToUsd(byok('daily')),
    byok_usage_weekly: nanoToUsd(byok('weekly')),
    byok_usage_monthly: nanoToUsd(byok('monthly')),
    expires_at: key.expiresAt,
    creator_user_id: key.creatorUserId,
    workspace_id: key.workspaceId,
  }
}
