/** What is only read: the calling key, credits, models, yesterday's activity, one generation. */
import { nanoToUsd } from '../shared/money.ts'
import { readQueryInteger } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { countFreeCallsToday, listAllowedModels } from './admission.ts'
import { readWorkspace } from './keys.ts'
import { catalog, findModel, modelToWire, type CatalogModel } from './models.ts'
import { wireTimestamp, refuse } from './wire.ts'
import { usageToWire, type Call } from './world.ts'

const dayMs = 86_400_000

/** `GET /key`: any kind of key asks about itself. */
export function getCallingKey(call: Call): Reply {
  const { world, caller } = call
  const { ledger } = world
  const isManagement = caller?.kind !== 'key'
  const free = countFreeCallsToday(world)
  const counters =
    caller?.kind === 'key'
      ? usageToWire(world, caller.key)
      : {
          label: 'sk-or-v1-man...agmt',
          limit: null,
          limit_remaining: null,
          limit_reset: null,
          include_byok_in_limit: false,
          usage: 0,
          usage_daily: 0,
          usage_weekly: 0,
          usage_monthly: 0,
          byok_usage: 0,
          byok_usage_daily: 0,
          byok_usage_weekly: 0,
          byok_usage_monthly: 0,
          expires_at: null,
          creator_user_id: ledger.account.userId,
          workspace_id: null,
        }
  return json({
    data: {
      ...counters,
      is_free_tier: world.faults.settings.credits <= 0,
      is_management_key: isManagement,
      is_provisioning_key: isManagement,
      rate_limit: {
        interval: '10s',
        note: 'This field is deprecated and safe to ignore.',
        requests: -1,
      },
      allowed_data_regions: ['global'],
      free_model_daily_requests: {
        limit: free.limit,
        remaining: Math.max(0, free.limit - free.used),
        used: free.used,
      },
      organization_id: null,
    },
  })
}

/** A normal key gets zeros and no refusal, as was seen on the live service. */
export function getCredits(call: Call): Reply {
  const { world, caller } = call
  if (caller?.kind !== 'management') return json({ data: { total_credits: 0, total_usage: 0 } })
  return json({
    data: {
      total_credits: world.faults.settings.credits,
      total_usage: nanoToUsd(world.ledger.usageNano),
    },
  })
}

export function listModels(call: Call): Reply {
  return pageOfModels(call, '/models', catalog)
}

/** Filtered by the guardrails of the calling key. */
export function listModelsOfCaller(call: Call): Reply {
  return pageOfModels(
    call,
    '/models/user',
    call.caller?.kind === 'key' ? listAllowedModels(call.world, call.caller.key) : catalog,
  )
}

export function countModels(): Reply {
  return json({ data: { count: catalog.length } })
}

export function getModel(call: Call): Reply {
  const model = findModel(call.params.join('/'))
  if (!model) throw refuse(404)
  return json({ data: modelToWire(model) })
}

/** The last 30 completed UTC days; nothing of today. */
export function getActivity(call: Call): Reply {
  const { world, query } = call
  const date = query.get('date')
  if (date !== null && (!/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(Date.parse(date))))
    throw refuse(400, 'date: expected YYYY-MM-DD')
  const now = world.now()
  const today = new Date(now).toISOString().slice(0, 10)
  const earliest = new Date(now - 30 * dayMs).toISOString().slice(0, 10)
  if (date !== null && (date >= today || date < earliest))
    throw refuse(400, 'Date must be within the last 30 (completed) UTC days')
  const keyHash = query.get('api_key_hash')
  if (keyHash !== null && !/^[0-9a-f]{64}$/.test(keyHash))
    throw refuse(400, 'api_key_hash: expected a SHA-256 in hex')
  const workspaceId = query.has('workspace_id')
    ? readWorkspace(world, query.get('workspace_id') ?? undefined)
    : null
  const groupBy = query.get('group_by')
  if (groupBy !== null && groupBy !== 'workspace') throw refuse(400, 'group_by: expected workspace')
  const isByWorkspace = groupBy === 'workspace'
  const userId = query.get('user_id')
  const grouped = new Map<
    string,
    JsonObject & {
      nano: number
      byokNano: number
      requests: number
      prompt_tokens: number
      completion_tokens: number
    }
  >()
  for (const row of world.ledger.activity.values()) {
    if (row.date >= today || row.date < earliest || (date !== null && row.date !== date)) continue
    if (
      (keyHash !== null && row.keyHash !== keyHash) ||
      (workspaceId !== null && row.workspaceId !== workspaceId) ||
      (userId !== null && world.ledger.keys.get(row.keyHash)?.creatorUserId !== userId)
    )
      continue
    const model = findModel(row.model)
    const group = `${row.date} ${row.model} ${isByWorkspace ? row.workspaceId : ''}`
    const sum = grouped.get(group) ?? {
      date: row.date,
      model: row.model,
      model_permaslug: model?.canonicalSlug ?? row.model,
      endpoint_id: `endpoint-${row.model}`,
      provider_name: model?.providerName ?? 'Unknown',
      reasoning_tokens: 0,
      ...(isByWorkspace ? { workspace_id: row.workspaceId } : {}),
      nano: 0,
      byokNano: 0,
      requests: 0,
      prompt_tokens: 0,
      completion_tokens: 0,
    }
    sum.nano += row.nano
    sum.byokNano += row.byokNano
    sum.requests += row.requests
    sum.prompt_tokens += row.promptTokens
    sum.completion_tokens += row.completionTokens
    grouped.set(group, sum)
  }
  const sums = [...grouped.entries()].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, sum]) => sum)
  return json({
    data: sums.map(({ nano, byokNano, ...row }) => ({
      ...row,
      usage: nanoToUsd(nano),
      byok_usage_inference: nanoToUsd(byokNano),
    })),
  })
}

/** Seen by the key that made it and by the management key. */
export function getGeneration(call: Call): Reply {
  const { world, caller, query } = call
  const id = query.get('id')
  if (id === null || id === '') throw refuse(400, 'id: required')
  const spend = world.ledger.generations.get(id)
  if (!spend || (caller?.kind === 'key' && caller.key.hash !== spend.keyHash))
    throw refuse(404, `Generation ${id} not found`)
  const model = findModel(spend.model)
  const key = world.ledger.keys.get(spend.keyHash)
  const nothing = [
    'app_id',
    'cache_discount',
    'external_user',
    'http_referer',
    'moderation_latency',
    'native_tokens_completion_images',
    'num_fetches',
    'num_input_audio_prompt',
    'num_media_completion',
    'num_media_prompt',
    'num_search_results',
    'preset_id',
    'provider_responses',
    'router',
    'service_tier',
    'session_id',
    'upstream_id',
    'user_agent',
    'web_search_engine',
  ]
  return json({
    data: {
      ...Object.fromEntries(nothing.map((field) => [field, null])),
      id,
      api_type: 'completions',
      cancelled: spend.finishReason === 'error',
      created_at: wireTimestamp(spend.at),
      data_region: 'global',
      finish_reason: spend.finishReason,
      native_finish_reason: spend.finishReason,
      generation_time: spend.milliseconds,
      latency: spend.milliseconds,
      is_byok: spend.isByok,
      upstream_inference_cost: spend.isByok ? nanoToUsd(spend.nano) : null,
      model: model?.canonicalSlug ?? spend.model,
      origin: '',
      provider_name: model?.providerName ?? null,
      native_tokens_cached: 0,
      native_tokens_completion: spend.completionTokens,
      native_tokens_prompt: spend.promptTokens,
      native_tokens_reasoning: 0,
      tokens_completion: spend.completionTokens,
      tokens_prompt: spend.promptTokens,
      streamed: spend.streamed,
      total_cost: spend.isByok ? 0 : nanoToUsd(spend.nano),
      usage: spend.isByok ? 0 : nanoToUsd(spend.nano),
      workspace_id: key?.workspaceId ?? null,
    },
  })
}

function pageOfModels(call: Call, path: string, models: readonly CatalogModel[]): Reply {
  const { query } = call
  const search = query.get('q')?.toLowerCase() ?? ''
  const maxPrice = query.get('max_price')
  if (maxPrice !== null && !/^\d{1,9}(\.\d{1,12})?$/.test(maxPrice))
    throw refuse(400, 'max_price: expected an amount of USD')
  const found = models.filter(
    (model) =>
      `${model.id} ${model.name}`.toLowerCase().includes(search) &&
      (maxPrice === null || model.promptNanoPerToken <= Number(maxPrice) * 1000),
  )
  const isPaged = query.has('offset') || query.has('limit')
  const offset = readQueryInteger(query, 'offset', 0, { min: 0 })
  const limit = isPaged
    ? readQueryInteger(query, 'limit', 500, { min: 1, max: 1000 })
    : found.length
  const end = offset + limit
  const next = new URLSearchParams(query)
  next.set('offset', String(end))
  next.set('limit', String(limit))
  return json({
    data: found.slice(offset, end).map(modelToWire),
    links: { next: end < found.length ? `/api/v1${path}?${next}` : null },
    total_count: found.length,
  })
}
