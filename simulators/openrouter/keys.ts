/**
 * `/keys`: making, listing, changing and deleting API keys. The plaintext leaves once, in the 201.
 */
import { intervals, usdToNano, type Interval } from '../shared/money.ts'
import {
  ifPresent,
  isObject,
  isUuid,
  optional,
  readBoolean,
  readNumber,
  readOneOf,
  readQueryInteger,
  readString,
} from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { hashOf, labelOf, makePlaintext, type KeyRecord } from './records.ts'
import { makeCounter } from './spend-counter.ts'
import { wireTimestamp, refuse } from './wire.ts'
import { usageToWire, type Call, type World } from './world.ts'

const pageSize = 100

export async function createKey(call: Call): Promise<Reply> {
  const { world, body } = call
  const { ledger } = world
  const plaintext = makePlaintext()
  const now = world.now()
  const key: KeyRecord = {
    hash: hashOf(plaintext),
    plaintext,
    label: labelOf(plaintext),
    name: readString(body, 'name', { min: 1 }),
    disabled: false,
    limitNano: readLimit(body) ?? null,
    limitReset: readReset(body) ?? null,
    includeByokInLimit: ifPresent(body, 'include_byok_in_limit', readBoolean) ?? false,
    createdAt: now,
    updatedAt: null,
    expiresAt: readExpiry(body, now),
    creatorUserId: readCreator(body, ledger.account.userId),
    externalUser: readExternalUser(body),
    workspaceId: readWorkspace(world, ifPresent(body, 'workspace_id', readString)),
    deletedAt: null,
    usage: makeCounter(),
    byokUsage: makeCounter(),
  }
  await ledger.record({ type: 'key', key })
  return json({ data: keyToWire(world, key), key: plaintext }, 201)
}

export function listKeys(call: Call): Reply {
  const { world, query } = call
  const offset = readQueryInteger(query, 'offset', 0, { min: 0 })
  const includeDisabled = query.get('include_disabled') ?? 'false'
  if (includeDisabled !== 'true' && includeDisabled !== 'false')
    throw refuse(400, 'include_disabled: expected true or false')
  const workspaceId = readWorkspace(world, query.get('workspace_id') ?? undefined)
  const page: JsonObject[] = []
  let skipped = 0
  for (
    let index = world.ledger.keysByAge.length - 1;
    index >= 0 && page.length < pageSize;
    index -= 1
  ) {
    const key = world.ledger.keysByAge[index]
    if (
      !key ||
      key.deletedAt !== null ||
      key.workspaceId !== workspaceId ||
      (key.disabled && includeDisabled === 'false')
    )
      continue
    if (skipped < offset) skipped += 1
    else page.push(keyToWire(world, key))
  }
  return json({ data: page })
}

export function getKey(call: Call): Reply {
  return json({ data: keyToWire(call.world, requireKey(call)) })
}

export async function updateKey(call: Call): Promise<Reply> {
  const { world, body } = call
  const key = requireKey(call)
  const limitNano = readLimit(body)
  const limitReset = readReset(body)
  const changed: KeyRecord = {
    ...key,
    name: ifPresent(body, 'name', (from, field) => readString(from, field, { min: 1 })) ?? key.name,
    disabled: ifPresent(body, 'disabled', readBoolean) ?? key.disabled,
    limitNano: limitNano === undefined ? key.limitNano : limitNano,
    limitReset: limitReset === undefined ? key.limitReset : limitReset,
    includeByokInLimit:
      ifPresent(body, 'include_byok_in_limit', readBoolean) ?? key.includeByokInLimit,
    updatedAt: world.now(),
  }
  await world.ledger.record({ type: 'key', key: changed })
  return json({ data: keyToWire(world, changed) })
}

export async function deleteKey(call: Call): Promise<Reply> {
  const key = requireKey(call)
  await call.world.ledger.record({ type: 'key', key: { ...key, deletedAt: call.world.now() } })
  return json({ deleted: true })
}

function keyToWire(world: World, key: KeyRecord): JsonObject {
  return {
    hash: key.hash,
    name: key.name,
    disabled: key.disabled,
    ...usageToWire(world, key),
    created_at: wireTimestamp(key.createdAt),
    updated_at: key.updatedAt === null ? null : wireTimestamp(key.updatedAt),
    external_user: key.externalUser,
  }
}

/** The default workspace unless one is named; one that does not exist is refused. */
export function readWorkspace(world: World, given: string | undefined): string {
  if (given === undefined) {
    const { account, workspaces } = world.ledger
    if (workspaces.has(account.defaultWorkspaceId)) return account.defaultWorkspaceId
    throw refuse(400, 'workspace_id: required, because the default workspace was deleted')
  }
  if (!isUuid(given)) throw refuse(400, 'workspace_id: expected a uuid')
  if (!world.ledger.workspaces.has(given)) throw refuse(400, 'workspace_id: workspace not found')
  return given
}

function requireKey(call: Call): KeyRecord {
  const key = call.world.ledger.findLiveKey(call.params[0] ?? '')
  if (!key) throw refuse(404)
  return key
}

function readLimit(body: JsonObject): number | null | undefined {
  const limit = optional(body, 'limit', (from, field) =>
    readNumber(from, field, { min: 0, max: 1e6 }),
  )
  return typeof limit === 'number' ? usdToNano(limit) : limit
}

function readReset(body: JsonObject): Interval | null | undefined {
  return optional(body, 'limit_reset', (from, field) => readOneOf(from, field, intervals))
}

const expiryPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/

function readExpiry(body: JsonObject, now: number): string | null {
  const text = optional(body, 'expires_at', readString) ?? null
  if (text === null) return null
  const at = expiryPattern.test(text) ? Date.parse(text) : NaN
  // Date.parse rolls 30 February over to March; what does not come back as it went in is no date.
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    throw refuse(
      400,
      'expires_at: expected an ISO 8601 timestamp in UTC with seconds (YYYY-MM-DDTHH:MM:SSZ)',
    )
  }
  if (at <= now) throw refuse(400, 'expires_at: must be in the future')
  return new Date(at).toISOString()
}

function readCreator(body: JsonObject, userId: string): string {
  const given = optional(body, 'creator_user_id', (from, field) =>
    readString(from, field, { min: 1 }),
  )
  if (typeof given === 'string' && given !== userId)
    throw refuse(400, 'creator_user_id: not a member of this account')
  return userId
}

function readExternalUser(body: JsonObject): string | null {
  const external = body['external']
  if (external === undefined || external === null) return null
  if (!isObject(external)) throw refuse(400, 'external: expected an object')
  ifPresent(external, 'api_key', (from, field) => readString(from, field, { min: 32 }))
  return readString(external, 'user', { min: 1 })
}
