/**
 * One running account: its ledger, its clock, its faults, and who is calling.
 * Handlers take a Call and return a Reply; only server.ts touches sockets.
 */
import type { ServerResponse } from 'node:http'
import type { FaultRule, Faults } from './faults.ts'
import { hashOf, type KeyRecord, type Ledger } from './ledger.ts'
import { nanoToUsd, spentNano, type Interval } from './money.ts'
import { refuse, type JsonObject } from './wire.ts'

export interface World {
  ledger: Ledger
  faults: Faults
  now(): number
  /** Spends that the reported counters do not show yet, per key; enforcement sees them at once. */
  recentSpends: Map<string, { at: number; nano: number }[]>
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

export type Reply =
  | { kind: 'json'; status: number; body: unknown; headers?: Record<string, string> }
  | { kind: 'stream'; run(response: ServerResponse): Promise<void> }

export type Handler = (call: Call) => Reply | Promise<Reply>

export function json(body: unknown, status = 200): Reply {
  return { kind: 'json', status, body }
}

/** Unknown, deleted, disabled and expired keys are all the same stranger. */
export function identify(world: World, authorization: string | undefined): Caller {
  if (authorization === undefined || authorization === '')
    throw refuse(401, 'Missing Authentication header')
  const token = /^Bearer\s+(\S+)\s*$/i.exec(authorization)?.[1]
  if (token === undefined) throw refuse(401, 'Missing Authentication header')
  if (token === world.ledger.account.managementKey) return { kind: 'management' }
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
  return spentNano(key.usage, key.limitReset, now)
}

/** The counters as a caller may read them: they trail by `usageLagMs`. */
function reportedSpentNano(world: World, key: KeyRecord, interval: Interval | null): number {
  const now = world.now()
  const spent = spentNano(key.usage, interval, now)
  const recent = world.recentSpends.get(key.hash)
  if (!recent) return spent
  const hidden = recent.filter((one) => one.at > now - world.faults.settings.usageLagMs)
  if (hidden.length === 0) world.recentSpends.delete(key.hash)
  else world.recentSpends.set(key.hash, hidden)
  return Math.max(0, spent - hidden.reduce((sum, one) => sum + one.nano, 0))
}

export function rememberSpend(world: World, keyHash: string, nano: number): void {
  if (world.faults.settings.usageLagMs === 0) return
  const recent = world.recentSpends.get(keyHash) ?? []
  recent.push({ at: world.now(), nano })
  world.recentSpends.set(keyHash, recent)
}

/** The usage and limit block that `/keys` and `/key` share. */
export function usageToWire(world: World, key: KeyRecord): JsonObject {
  const inLimit = reportedSpentNano(world, key, key.limitReset)
  return {
    label: key.label,
    limit: key.limitNano === null ? null : nanoToUsd(key.limitNano),
    limit_remaining: key.limitNano === null ? null : nanoToUsd(key.limitNano - inLimit),
    limit_reset: key.limitReset,
    include_byok_in_limit: key.includeByokInLimit,
    usage: nanoToUsd(reportedSpentNano(world, key, null)),
    usage_daily: nanoToUsd(reportedSpentNano(world, key, 'daily')),
    usage_weekly: nanoToUsd(reportedSpentNano(world, key, 'weekly')),
    usage_monthly: nanoToUsd(reportedSpentNano(world, key, 'monthly')),
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
    expires_at: key.expiresAt,
    creator_user_id: key.creatorUserId,
    workspace_id: key.workspaceId,
  }
}
