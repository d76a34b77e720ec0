/**
 * `/guardrails` and the assignment of keys to them. Guarantees: a key holds at most one guardrail;
 * models come back as canonical slugs; a limit and its interval stand or fall together.
 */
import { randomUUID } from 'node:crypto'
import { intervals, nanoToUsd, usdToNano } from '../shared/money.ts'
import {
  ifPresent,
  optional,
  readBoolean,
  readNumber,
  readOneOf,
  readQueryInteger,
  readString,
  readStrings,
} from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { readBuiltinFilters, readFilters } from './content-filters.ts'
import { readWorkspace } from './keys.ts'
import { findModel } from './models.ts'
import type { AssignmentRecord, GuardrailRecord } from './records.ts'
import { wireTimestamp, refuse } from './wire.ts'
import type { Call, World } from './world.ts'

const regions = ['global', 'europe', 'us'] as const
const switches = [
  'enable_free_model_publication',
  'enable_free_model_training',
  'enable_paid_model_training',
  'enforce_zdr',
  'enforce_zdr_anthropic',
  'enforce_zdr_google',
  'enforce_zdr_openai',
  'enforce_zdr_other',
  'enforce_zdr_xai',
] as const
export function listGuardrails(call: Call): Reply {
  const workspaceId = readWorkspace(call.world, call.query.get('workspace_id') ?? undefined)
  const all = [...call.world.ledger.guardrails.values()].filter(
    (one) => one.workspaceId === workspaceId,
  )
  all.sort((a, b) => b.createdAt - a.createdAt)
  return page(call, all, guardrailToWire)
}

export async function createGuardrail(call: Call): Promise<Reply> {
  const { world, body } = call
  const empty = makeGuardrail({
    id: randomUUID(),
    name: readString(body, 'name', { min: 1, max: 200 }),
    workspaceId: readWorkspace(world, ifPresent(body, 'workspace_id', readString)),
    now: world.now(),
  })
  const guardrail = applyBody(empty, body)
  await world.ledger.record({ type: 'guardrail', guardrail })
  return json({ data: guardrailToWire(guardrail) }, 201)
}

export function getGuardrail(call: Call): Reply {
  return json({ data: guardrailToWire(requireGuardrail(call)) })
}

/** The first PATCH of a workspace's default guardrail brings it into being. */
export async function updateGuardrail(call: Call): Promise<Reply> {
  const { world, body } = call
  const id = call.params[0] ?? ''
  const workspace = [...world.ledger.workspaces.values()].find(
    (one) => one.defaultGuardrailId === id,
  )
  const known = world.ledger.guardrails.get(id)
  if (!known && !workspace) throw refuse(404)
  const before =
    known ??
    makeGuardrail({
      id,
      name: `Workspace ${workspace?.id ?? ''} Default`,
      workspaceId: workspace?.id ?? '',
      now: world.now(),
    })
  const name =
    ifPresent(body, 'name', (from, field) => readString(from, field, { min: 1, max: 200 })) ??
    before.name
  if (workspace && name !== before.name)
    throw refuse(400, 'The name of a workspace default guardrail cannot be changed')
  const guardrail = { ...applyBody(before, body), name, updatedAt: world.now() }
  await world.ledger.record({ type: 'guardrail', guardrail })
  return json({ data: guardrailToWire(guardrail) })
}

export async function deleteGuardrail(call: Call): Promise<Reply> {
  const guardrail = requireGuardrail(call)
  await call.world.ledger.record({ type: 'guardrail-deleted', id: guardrail.id })
  return json({ deleted: true })
}

export function listAssignments(call: Call): Reply {
  return page(call, [...call.world.ledger.assignments.values()], (one) =>
    assignmentToWire(call.world, one),
  )
}

export function listAssignmentsOfGuardrail(call: Call): Reply {
  const guardrail = requireGuardrail(call)
  const assigned = call.world.ledger.assignmentsOfGuardrail.get(guardrail.id)?.values() ?? []
  return page(call, [...assigned], (one) => assignmentToWire(call.world, one))
}

/**
 * Only hashes of live keys are counted; one that already holds this guardrail is counted and keeps
 * its assignment.
 */
export async function assignKeys(call: Call): Promise<Reply> {
  const { ledger } = call.world
  const guardrail = requireGuardrail(call)
  let hashes = [...new Set(readStrings(call.body, 'key_hashes'))].filter((hash) =>
    ledger.findLiveKey(hash),
  )
  if (call.fault?.fault === 'undercount') hashes = hashes.slice(call.fault.skip ?? 1)
  if (hashes.some((hash) => ledger.findLiveKey(hash)?.workspaceId !== guardrail.workspaceId)) {
    throw refuse(403, 'A key can only be assigned to a guardrail of its own workspace')
  }
  const fresh = hashes.filter((hash) => ledger.assignments.get(hash)?.guardrailId !== guardrail.id)
  await ledger.record(
    ...fresh.map((keyHash) => ({
      type: 'assigned' as const,
      assignment: {
        id: randomUUID(),
        keyHash,
        guardrailId: guardrail.id,
        assignedBy: ledger.account.userId,
        createdAt: call.world.now(),
      },
    })),
  )
  return json({ assigned_count: hashes.length })
}

export async function unassignKeys(call: Call): Promise<Reply> {
  const { ledger } = call.world
  const guardrail = requireGuardrail(call)
  const held = [...new Set(readStrings(call.body, 'key_hashes'))].filter(
    (hash) => ledger.assignments.get(hash)?.guardrailId === guardrail.id,
  )
  await ledger.record(...held.map((keyHash) => ({ type: 'unassigned' as const, keyHash })))
  return json({ unassigned_count: held.length })
}

export function refuseMembers(): Reply {
  throw refuse(403, 'Member assignments are available to organizations only')
}

function requireGuardrail(call: Call): GuardrailRecord {
  const guardrail = call.world.ledger.guardrails.get(call.params[0] ?? '')
  if (!guardrail) throw refuse(404)
  return guardrail
}

function page<T>(call: Call, all: readonly T[], toWire: (one: T) => JsonObject): Reply {
  const offset = readQueryInteger(call.query, 'offset', 0, { min: 0 })
  const limit = readQueryInteger(call.query, 'limit', 50, { min: 1, max: 100 })
  return json({ data: all.slice(offset, offset + limit).map(toWire), total_count: all.length })
}

function makeGuardrail(input: {
  id: string
  name: string
  workspaceId: string
  now: number
}): GuardrailRecord {
  return {
    id: input.id,
    name: input.name,
    workspaceId: input.workspaceId,
    createdAt: input.now,
    updatedAt: null,
    limitNano: null,
    resetInterval: null,
    allowedModels: null,
    ignoredModels: null,
    allowedProviders: null,
    ignoredProviders: null,
    includeByokInBudgets: false,
    rest: { description: null },
  }
}

function applyBody(before: GuardrailRecord, body: JsonObject): GuardrailRecord {
  const keep = <T>(given: T | null | undefined, held: T | null): T | null =>
    given === undefined ? held : given
  return {
    ...before,
    ...readBudget(before, body),
    allowedModels: keep(optional(body, 'allowed_models', readModels), before.allowedModels),
    ignoredModels: keep(optional(body, 'ignored_models', readModels), before.ignoredModels),
    allowedProviders: keep(
      optional(body, 'allowed_providers', readStrings),
      before.allowedProviders,
    ),
    ignoredProviders: keep(
      optional(body, 'ignored_providers', readStrings),
      before.ignoredProviders,
    ),
    includeByokInBudgets:
      ifPresent(body, 'include_byok_in_budgets', readBoolean) ?? before.includeByokInBudgets,
    rest: { ...before.rest, ...readRest(body) },
  }
}

function readBudget(
  before: GuardrailRecord,
  body: JsonObject,
): Pick<GuardrailRecord, 'limitNano' | 'resetInterval'> {
  const limit = optional(body, 'limit_usd', (from, field) =>
    readNumber(from, field, { min: 1e-9, max: 1e6 }),
  )
  const interval = optional(body, 'reset_interval', (from, field) =>
    readOneOf(from, field, intervals),
  )
  const oneOfTwo =
    (limit === undefined) !== (interval === undefined) && (limit ?? interval ?? null) !== null
  const limitNano =
    limit === undefined ? before.limitNano : limit === null ? null : usdToNano(limit)
  const resetInterval = interval === undefined ? before.resetInterval : interval
  if (oneOfTwo || (limitNano === null) !== (resetInterval === null)) {
    throw refuse(400, 'limit_usd and reset_interval must be set together')
  }
  return { limitNano, resetInterval }
}

function readModels(body: JsonObject, field: string): string[] {
  return [
    ...new Set(
      readStrings(body, field).map((slug) => {
        const model = findModel(slug)
        if (!model) throw refuse(400, `${field}: unknown model ${slug}`)
        return model.canonicalSlug
      }),
    ),
  ]
}

function readRest(body: JsonObject): JsonObject {
  const rest: JsonObject = {}
  const set = (field: string, value: unknown): void => {
    if (value !== undefined) rest[field] = value
  }
  set(
    'description',
    optional(body, 'description', (from, field) => readString(from, field, { max: 1000 })),
  )
  set(
    'allowed_data_regions',
    optional(body, 'allowed_data_regions', (from, field) =>
      readStrings(from, field).map((region) => readOneOf({ [field]: region }, field, regions)),
    ),
  )
  for (const field of switches) set(field, optional(body, field, readBoolean))
  set('content_filters', optional(body, 'content_filters', readFilters))
  set('content_filter_builtins', optional(body, 'content_filter_builtins', readBuiltinFilters))
  return rest
}

function guardrailToWire(guardrail: GuardrailRecord): JsonObject {
  return {
    id: guardrail.id,
    name: guardrail.name,
    workspace_id: guardrail.workspaceId,
    created_at: wireTimestamp(guardrail.createdAt),
    updated_at: guardrail.updatedAt === null ? null : wireTimestamp(guardrail.updatedAt),
    limit_usd: guardrail.limitNano === null ? null : nanoToUsd(guardrail.limitNano),
    reset_interval: guardrail.resetInterval,
    allowed_models: guardrail.allowedModels,
    ignored_models: guardrail.ignoredModels,
    allowed_providers: guardrail.allowedProviders,
    ignored_providers: guardrail.ignoredProviders,
    include_byok_in_budgets: guardrail.includeByokInBudgets,
    ...guardrail.rest,
  }
}

function assignmentToWire(world: World, assignment: AssignmentRecord): JsonObject {
  const key = world.ledger.keys.get(assignment.keyHash)
  return {
    id: assignment.id,
    key_hash: assignment.keyHash,
    key_name: key?.name ?? '',
    key_label: key?.label ?? '',
    guardrail_id: assignment.guardrailId,
    assigned_by: assignment.assignedBy,
    created_at: wireTimestamp(assignment.createdAt),
  }
}
