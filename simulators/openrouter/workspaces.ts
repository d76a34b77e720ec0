/**
 * `/workspaces`: the default one and those that are made; each has an id for a default guardrail
 * that exists once it is patched.
 */
import { randomUUID } from 'node:crypto'
import {
  ifPresent,
  optional,
  readBoolean,
  readNumber,
  readQueryInteger,
  readString,
  readStrings,
} from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { makeWorkspace, type WorkspaceRecord } from './records.ts'
import { wireTimestamp, refuse } from './wire.ts'
import type { Call } from './world.ts'

const slugPattern = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

export function listWorkspaces(call: Call): Reply {
  const all = [...call.world.ledger.workspaces.values()]
  const offset = readQueryInteger(call.query, 'offset', 0, { min: 0 })
  const limit = readQueryInteger(call.query, 'limit', 50, { min: 1, max: 100 })
  return json({
    data: all.slice(offset, offset + limit).map((one) => workspaceToWire(call, one)),
    total_count: all.length,
  })
}

export async function createWorkspace(call: Call): Promise<Reply> {
  const { world, body } = call
  const workspace = makeWorkspace({
    id: randomUUID(),
    name: readString(body, 'name', { min: 1, max: 100 }),
    slug: readSlug(call, null),
    now: world.now(),
    rest: readRest(body),
  })
  await world.ledger.record({ type: 'workspace', workspace })
  return json({ data: workspaceToWire(call, workspace) }, 201)
}

export function getWorkspace(call: Call): Reply {
  return json({ data: workspaceToWire(call, requireWorkspace(call)) })
}

export async function updateWorkspace(call: Call): Promise<Reply> {
  const { world, body } = call
  const before = requireWorkspace(call)
  const workspace: WorkspaceRecord = {
    ...before,
    name:
      ifPresent(body, 'name', (from, field) => readString(from, field, { min: 1, max: 100 })) ??
      before.name,
    slug: body['slug'] === undefined ? before.slug : readSlug(call, before),
    rest: { ...before.rest, ...readRest(body) },
    updatedAt: world.now(),
  }
  await world.ledger.record({ type: 'workspace', workspace })
  return json({ data: workspaceToWire(call, workspace) })
}

/** One that still holds keys, and the default one, cannot be deleted. */
export async function deleteWorkspace(call: Call): Promise<Reply> {
  const { ledger } = call.world
  const workspace = requireWorkspace(call)
  if (workspace.id === ledger.account.defaultWorkspaceId)
    throw refuse(400, 'The default workspace cannot be deleted')
  if (ledger.keysByAge.some((key) => key.deletedAt === null && key.workspaceId === workspace.id)) {
    throw refuse(400, 'A workspace with active API keys cannot be deleted')
  }
  await ledger.record({ type: 'workspace-deleted', id: workspace.id })
  return json({ deleted: true })
}

export function refuseBudgets(): Reply {
  throw refuse(403, 'Workspace budgets are available on the Enterprise plan only')
}

function requireWorkspace(call: Call): WorkspaceRecord {
  const { workspaces } = call.world.ledger
  const reference = call.params[0] ?? ''
  const workspace =
    workspaces.get(reference) ?? [...workspaces.values()].find((one) => one.slug === reference)
  if (!workspace) throw refuse(404)
  return workspace
}

function readSlug(call: Call, self: WorkspaceRecord | null): string {
  const slug = readString(call.body, 'slug', { min: 1, max: 50 })
  if (!slugPattern.test(slug))
    throw refuse(400, 'slug: expected lower-case letters and digits, joined by single hyphens')
  if ([...call.world.ledger.workspaces.values()].some((one) => one.slug === slug && one !== self))
    throw refuse(400, 'slug: already taken')
  return slug
}

function readRest(body: JsonObject): JsonObject {
  const rest: JsonObject = {}
  const set = (field: string, value: unknown): void => {
    if (value !== undefined) rest[field] = value
  }
  set(
    'description',
    optional(body, 'description', (from, field) => readString(from, field, { max: 500 })),
  )
  for (const field of ['default_text_model', 'default_image_model', 'default_provider_sort'])
    set(field, optional(body, field, readString))
  set('io_logging_api_key_ids', optional(body, 'io_logging_api_key_ids', readIntegers))
  set('disabled_server_tools', optional(body, 'disabled_server_tools', readStrings))
  for (const field of [
    'is_data_discount_logging_enabled',
    'is_observability_broadcast_enabled',
    'is_observability_io_logging_enabled',
  ])
    set(field, ifPresent(body, field, readBoolean))
  set(
    'io_logging_sampling_rate',
    ifPresent(body, 'io_logging_sampling_rate', (from, field) =>
      readNumber(from, field, { min: 0, max: 1 }),
    ),
  )
  return rest
}

function readIntegers(body: JsonObject, field: string): number[] {
  const value = body[field]
  if (!Array.isArray(value) || !value.every((one) => Number.isInteger(one)))
    throw refuse(400, `${field}: expected an array of integers`)
  return value as number[]
}

function workspaceToWire(call: Call, workspace: WorkspaceRecord): JsonObject {
  return {
    id: workspace.id,
    name: workspace.name,
    slug: workspace.slug,
    description: null,
    created_at: wireTimestamp(workspace.createdAt),
    created_by: call.world.ledger.account.userId,
    updated_at: workspace.updatedAt === null ? null : wireTimestamp(workspace.updatedAt),
    default_guardrail_id: workspace.defaultGuardrailId,
    default_text_model: null,
    default_image_model: null,
    default_provider_sort: null,
    io_logging_api_key_ids: null,
    io_logging_sampling_rate: 1,
    is_data_discount_logging_enabled: true,
    is_observability_broadcast_enabled: false,
    is_observability_io_logging_enabled: false,
    ...workspace.rest,
  }
}
