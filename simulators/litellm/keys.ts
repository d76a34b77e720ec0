/**
 * /key/*: generate, update, delete, info, list, block, unblock, with LiteLLM's own shapes, statuses
 * and oddities.
 */
import { nanoToUsd, usdToNano } from '../shared/money.ts'
import {
  ifPresent,
  isObject,
  optional,
  readBoolean,
  readNumber,
  readQueryInteger,
  readString,
} from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { durationMs, nextReset } from './durations.ts'
import { hashOf, makeKey, type KeyRecord } from './store.ts'
import { InvalidBody, ProxyError, wireTime, type Call, type World } from './world.ts'

const aliasPattern = /^[a-zA-Z0-9][a-zA-Z0-9_\-/.@]{0,253}[a-zA-Z0-9]$/
const routesOfType: Record<string, string[]> = {
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
  default: [],
}

export async function generateKey({ world, body }: Call): Promise<Reply> {
  const now = world.now()
  const wanted = readKeyFields(world, { ...world.defaults, ...withoutNulls(body) }, now)
  await refuseTakenAlias(world, wanted.alias ?? null, null)
  const plaintext = ifPresent(body, 'key', readString) ?? makeKey()
  if (!plaintext.startsWith('sk-'))
    throw badRequest("Invalid key format. LiteLLM Virtual Key must start with 'sk-'.", 'key')
  const token = hashOf(plaintext)
  if (world.store.keys.has(token)) throw badRequest('Key already exists', 'key')
  const keyType = ifPresent(body, 'key_type', readString) ?? 'default'
  const allowedRoutes = routesOfType[keyType]
  if (!allowedRoutes)
    throw new InvalidBody(
      ['body', 'key_type'],
      "Input should be 'llm_api', 'management', 'read_only' or 'default'",
    )
  const key: KeyRecord = {
    token,
    plaintext,
    keyName: `sk-...${plaintext.slice(-4)}`,
    alias: wanted.alias ?? null,
    spendNano: 0,
    maxBudgetNano: wanted.maxBudgetNano ?? null,
    budgetDuration: wanted.budgetDuration ?? null,
    budgetResetAt: wanted.budgetDuration ? nextReset(wanted.budgetDuration, now) : null,
    models: wanted.models ?? [],
    metadata: wanted.metadata ?? {},
    allowedRoutes,
    blocked: wanted.blocked ?? null,
    expires: wanted.expires ?? null,
    createdAt: now,
    updatedAt: now,
  }
  await world.store.record({ type: 'key', key })
  return json({
    key: plaintext,
    token,
    token_id: token,
    key_name: key.keyName,
    key_alias: key.alias,
    spend: 0,
    max_budget: budgetOf(key),
    budget_duration: key.budgetDuration,
    expires: timeOf(key.expires),
    models: key.models,
    metadata: key.metadata,
    allowed_routes: key.allowedRoutes,
    blocked: key.blocked,
    user_id: null,
    team_id: null,
    aliases: {},
    config: {},
    permissions: {},
    tpm_limit: null,
    rpm_limit: null,
    max_parallel_requests: null,
    soft_budget: null,
    budget_id: null,
    created_by: 'default_user_id',
    updated_by: 'default_user_id',
    created_at: wireTime(now),
    updated_at: wireTime(now),
  })
}

export async function updateKey({ world, body }: Call): Promise<Reply> {
  const named = required(body, 'key')
  const key = world.store.find(named)
  if (!key)
    throw new ProxyError(404, "{'error': 'Team not found, passed team_id=None'}", 'auth_error')
  const now = world.now()
  const wanted = readKeyFields(world, body, now)
  await refuseTakenAlias(world, wanted.alias ?? null, key)
  const changed: KeyRecord = {
    ...key,
    updatedAt: now,
    ...(wanted.alias === undefined ? {} : { alias: wanted.alias }),
    ...(wanted.maxBudgetNano === undefined ? {} : { maxBudgetNano: wanted.maxBudgetNano }),
    ...(wanted.budgetDuration === undefined
      ? {}
      : {
          budgetDuration: wanted.budgetDuration,
          budgetResetAt: wanted.budgetDuration ? nextReset(wanted.budgetDuration, now) : null,
        }),
    ...(wanted.models === undefined ? {} : { models: wanted.models }),
    // The whole object is replaced, never merged.
    ...(wanted.metadata === undefined ? {} : { metadata: wanted.metadata }),
    ...(wanted.expires === undefined ? {} : { expires: wanted.expires }),
    ...(wanted.blocked === undefined ? {} : { blocked: wanted.blocked }),
  }
  await world.store.record({ type: 'key', key: changed })
  return json({ ...rowOf(changed), key: named })
}

export async function deleteKeys({ world, body }: Call): Promise<Reply> {
  const keys = readNames(body, 'keys')
  const aliases = readNames(body, 'key_aliases')
  if (!keys && !aliases)
    throw new InvalidBody(['body'], 'Value error, keys or key_aliases must be provided')
  const found = (
    keys
      ? keys.map((key) => world.store.find(key))
      : (aliases ?? []).map((alias) => world.store.findAlias(alias))
  ).filter((key) => key !== undefined)
  if (found.length === 0)
    throw new ProxyError(404, "{'error': 'No keys found'}", 'internal_server_error')
  for (const { token } of found) await world.store.record({ type: 'deleted', token })
  // It repeats what was asked for, also names that were not there.
  return json({ deleted_keys: keys ?? aliases })
}

export function keyInfo({ world, query, caller }: Call): Reply {
  // Without `key` it answers about the caller; `key_alias` is not looked at.
  const named =
    query.get('key') ?? (caller?.kind === 'key' ? caller.key.plaintext : world.store.masterKey)
  const key = world.store.find(named)
  if (!key) throw new ProxyError(404, 'Key not found in database', 'not_found_error', 'key')
  if (caller?.kind === 'key' && caller.key.token !== key.token)
    throw new ProxyError(
      403,
      "You are not allowed to access this key's info. Your role=None",
      'internal_server_error',
    )
  const { token: _hidden, ...info } = rowOf(key)
  return json({ key: named, info })
}

export function listKeys({ world, query }: Call): Reply {
  const page = readQueryInteger(query, 'page', 1, { min: 1 })
  const size = readQueryInteger(query, 'size', 10, { min: 1, max: 100 })
  const alias = query.get('key_alias')
  const token = query.get('key_hash')
  const order = query.get('sort_order') ?? 'desc'
  const sortBy = query.get('sort_by')
  if (sortBy !== null && sortBy !== 'created_at')
    throw badRequest("{'error': 'Invalid sort column.'}", 'sort_by')
  const found = [...world.store.keys.values()].filter(
    (key) => (alias === null || key.alias === alias) && (token === null || key.token === token),
  )
  const direction = sortBy !== null && order === 'asc' ? 1 : -1
  found.sort((a, b) => direction * (a.createdAt - b.createdAt || (a.token < b.token ? -1 : 1)))
  const rows = found.slice((page - 1) * size, page * size)
  return json({
    keys:
      query.get('return_full_object') === 'true'
        ? rows.map((key) => ({ ...rowOf(key), api_key: null }))
        : rows.map((key) => key.token),
    total_count: found.length,
    current_page: page,
    total_pages: Math.ceil(found.length / size),
  })
}

export async function blockKey({ world, body }: Call): Promise<Reply> {
  return setBlocked(world, world.store.find(required(body, 'key')), true)
}

/** Takes the key itself alone: it hashes what it is given, a hash included. */
export async function unblockKey({ world, body }: Call): Promise<Reply> {
  return setBlocked(world, world.store.keys.get(hashOf(required(body, 'key'))), false)
}

async function setBlocked(
  world: World,
  key: KeyRecord | undefined,
  blocked: boolean,
): Promise<Reply> {
  if (!key) throw new ProxyError(404, 'Key not found', 'bad_request_error', 'key')
  const changed = { ...key, blocked, updatedAt: world.now() }
  await world.store.record({ type: 'key', key: changed })
  return json(rowOf(changed))
}

/** A row of LiteLLM_VerificationToken as it travels. */
export function rowOf(key: KeyRecord): JsonObject {
  return {
    token: key.token,
    key_name: key.keyName,
    key_alias: key.alias,
    spend: nanoToUsd(key.spendNano),
    max_budget: budgetOf(key),
    budget_duration: key.budgetDuration,
    budget_reset_at: timeOf(key.budgetResetAt),
    expires: timeOf(key.expires),
    models: key.models,
    metadata: key.metadata,
    allowed_routes: key.allowedRoutes,
    blocked: key.blocked,
    aliases: {},
    config: {},
    permissions: {},
    user_id: null,
    team_id: null,
    tpm_limit: null,
    rpm_limit: null,
    max_parallel_requests: null,
    model_max_budget: {},
    model_spend: {},
    soft_budget_cooldown: false,
    created_at: wireTime(key.createdAt),
    updated_at: wireTime(key.updatedAt),
    created_by: 'default_user_id',
    updated_by: 'default_user_id',
    litellm_budget_table: null,
  }
}

type Wanted = Partial<
  Pick<
    KeyRecord,
    'alias' | 'maxBudgetNano' | 'budgetDuration' | 'models' | 'metadata' | 'blocked' | 'expires'
  >
>

function readKeyFields(world: World, body: JsonObject, now: number): Wanted {
  const wanted: Wanted = {}
  const alias = typed(body, 'key_alias', readString)
  if (alias !== undefined) {
    if (alias !== null && !aliasPattern.test(alias))
      throw badRequest(`Invalid key_alias format: ${alias}`, 'key_alias')
    wanted.alias = alias
  }
  const budget = typed(body, 'max_budget', readNumber)
  if (budget !== undefined) {
    if (budget !== null && budget < 0)
      throw badRequest(`max_budget cannot be negative. Received: ${budget}`, 'max_budget')
    wanted.maxBudgetNano = budget === null ? null : usdToNano(budget)
  }
  const budgetDuration = typed(body, 'budget_duration', readString)
  if (budgetDuration !== undefined) {
    if (budgetDuration !== null && durationMs(budgetDuration, now) === null)
      throw badRequest('Authentication Error, Invalid duration format', 'budget_duration')
    wanted.budgetDuration = budgetDuration
  }
  const duration = typed(body, 'duration', readString)
  if (typeof duration === 'string') {
    const life = duration === '-1' ? null : durationMs(duration, now)
    if (life === null && duration !== '-1')
      throw badRequest('Authentication Error, Invalid duration format', 'duration')
    wanted.expires = life === null ? null : now + life
  }
  const models = body['models']
  if (models !== undefined && models !== null) {
    if (!Array.isArray(models) || models.some((model) => typeof model !== 'string'))
      throw new InvalidBody(['body', 'models'], 'Input should be a valid list')
    wanted.models = models as string[]
  }
  const metadata = body['metadata']
  if (metadata !== undefined && metadata !== null) {
    if (!isObject(metadata))
      throw new InvalidBody(['body', 'metadata'], 'Input should be a valid dictionary')
    wanted.metadata = metadata
  }
  const blocked = typed(body, 'blocked', readBoolean)
  if (blocked !== undefined) wanted.blocked = blocked
  return wanted
}

async function refuseTakenAlias(
  world: World,
  alias: string | null,
  own: KeyRecord | null,
): Promise<void> {
  const holder = alias === null ? undefined : world.store.findAlias(alias)
  if (holder && holder.token !== own?.token)
    throw badRequest(
      `Key with alias '${alias}' already exists. Unique key aliases across all keys are required.`,
      'key_alias',
    )
}

/** Pydantic's 422 where the stand-in for OpenRouter would say 400. */
function typed<T>(
  body: JsonObject,
  field: string,
  read: (body: JsonObject, field: string) => T,
): T | null | undefined {
  try {
    return optional(body, field, read)
  } catch (error) {
    throw new InvalidBody(
      ['body', field],
      error instanceof Error ? error.message : 'Input should be valid',
    )
  }
}

function required(body: JsonObject, field: string): string {
  if (typeof body[field] !== 'string') throw new InvalidBody(['body', field], 'Field required')
  return body[field]
}

function readNames(body: JsonObject, field: string): string[] | null {
  const value = body[field]
  if (value === undefined || value === null) return null
  if (!Array.isArray(value) || value.some((one) => typeof one !== 'string'))
    throw new InvalidBody(['body', field], 'Input should be a valid list')
  return value as string[]
}

const withoutNulls = (body: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
const badRequest = (message: string, param: string) =>
  new ProxyError(400, message, 'bad_request_error', param)
const budgetOf = (key: KeyRecord) =>
  key.maxBudgetNano === null ? null : nanoToUsd(key.maxBudgetNano)
const timeOf = (at: number | null) => (at === null ? null : wireTime(at))
