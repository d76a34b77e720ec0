/**
 * May this key make this request? Every refusal comes before the first byte of an answer, so it
 * carries its real status even for a stream. A request that is admitted holds its worst case as
 * in-flight money until it is settled with what it really cost.
 */
import { randomBytes } from 'node:crypto'
import { nanoToUsd, windowEnd } from '../shared/money.ts'
import { countedNano, takeByokTurn, type Usage } from './byok.ts'
import { catalog, findModel, type CatalogModel } from './models.ts'
import type { GuardrailRecord, KeyRecord, Spend } from './records.ts'
import { refuse } from './wire.ts'
import { balanceNano, rememberSpend, usedOfLimitNano, type World } from './world.ts'

export interface Admission {
  key: KeyRecord
  model: CatalogModel
  promptTokens: number
  maxTokens: number
  /** The account's own provider key serves it. */
  isByok: boolean
  heldNano: number
  startedAt: number
}

const freeCallsPerMinute = 20

/** So many models that the key may use are named in a refusal. */
const maxFallbacks = 3

export function admit(
  world: World,
  request: { key: KeyRecord; modelSlug: string; promptTokens: number; maxTokens: number | null },
): Admission {
  const { key, promptTokens } = request
  const model = requireModel(request.modelSlug)
  if (!isAllowed(world, key, model)) {
    throw refuse(
      404,
      'No endpoints available matching your guardrail restrictions and data policy. ' +
        'Configure: https://openrouter.ai/settings/privacy',
      {
        availability: {
          code: 'constraint_filtered',
          excluded_by: ['guardrail'],
          fallback_models: listAllowedModels(world, key)
            .slice(0, maxFallbacks)
            .map(({ id }) => id),
        },
      },
    )
  }
  if (promptTokens > model.contextLength) {
    throw refuse(
      400,
      `This endpoint's maximum context length is ${model.contextLength} tokens. However, ` +
        `you requested about ${promptTokens} tokens. Please reduce the length of the messages.`,
    )
  }
  if (balanceNano(world) <= 0) throw refuse(402)
  const isByok = takeByokTurn(world, model.id)
  // A request of an own provider key is stopped only by a budget or limit that counts BYOK.
  for (const guardrail of guardrailsOf(world, key))
    if (!isByok || guardrail.includeByokInBudgets) refuseSpentBudget(world, key, guardrail)
  const countsInLimit = !isByok || key.includeByokInLimit
  if (countsInLimit) refuseSpentLimit(world, key)
  const maxTokens = Math.min(
    request.maxTokens ?? model.maxCompletionTokens,
    model.maxCompletionTokens,
  )
  refuseUnaffordable({
    keyLeft: countsInLimit ? leftOfLimitNano(world, key) : Infinity,
    balance: isByok ? Infinity : balanceNano(world),
    model,
    promptTokens,
    maxTokens,
  })
  if (model.isFree) countFreeCall(world)
  const heldNano = isByok
    ? 0
    : promptTokens * model.promptNanoPerToken + maxTokens * model.completionNanoPerToken
  if (!isByok) holdInFlight(world, heldNano)
  return { key, model, promptTokens, maxTokens, isByok, heldNano, startedAt: world.now() }
}

export function requireModel(slug: string): CatalogModel {
  const model = findModel(slug)
  if (!model)
    throw refuse(400, `${slug} is not a valid model ID`, {
      availability: { code: 'model_not_found' },
    })
  return model
}

export interface Settlement {
  id: string
  /** Credits. */
  costNano: number
  /** What the account's own provider key was charged; null without one. */
  upstreamNano: number | null
  promptCostNano: number
  completionCostNano: number
}

/**
 * Charges what was really used. The money counts at once; the promise resolves when it is on disk.
 */
export async function settle(
  world: World,
  admission: Admission,
  used: { id: string; completionTokens: number; streamed: boolean; finishReason: string },
): Promise<Settlement> {
  const { key, model, promptTokens, isByok } = admission
  const promptCostNano = promptTokens * model.promptNanoPerToken
  const completionCostNano = used.completionTokens * model.completionNanoPerToken
  const nano = promptCostNano + completionCostNano
  world.inFlightNano -= admission.heldNano
  const spend: Spend = {
    id: used.id,
    keyHash: key.hash,
    nano,
    isByok,
    at: world.now(),
    model: model.id,
    promptTokens,
    completionTokens: used.completionTokens,
    streamed: used.streamed,
    milliseconds: world.now() - admission.startedAt,
    finishReason: used.finishReason,
  }
  rememberSpend(world, key.hash, nano, isByok)
  await world.ledger.record({ type: 'spent', spend })
  return {
    id: used.id,
    costNano: isByok ? 0 : nano,
    upstreamNano: isByok ? nano : null,
    promptCostNano,
    completionCostNano,
  }
}

export function makeGenerationId(now: number): string {
  return `gen-${Math.floor(now / 1000)}-${randomBytes(10).toString('base64url')}`
}

export function listAllowedModels(world: World, key: KeyRecord): CatalogModel[] {
  return catalog.filter((model) => isAllowed(world, key, model))
}

export function countFreeCallsToday(world: World): { used: number; limit: number } {
  const midnight = Math.floor(world.now() / 86_400_000) * 86_400_000
  return {
    used: world.freeCalls.filter((at) => at >= midnight).length,
    limit: world.faults.settings.credits >= 10 ? 1000 : 50,
  }
}

/**
 * The workspace's default guardrail, then the key's own; allowlists intersect and the lower budget
 * wins.
 */
function guardrailsOf(world: World, key: KeyRecord): GuardrailRecord[] {
  const { ledger } = world
  const ids = [
    ledger.workspaces.get(key.workspaceId)?.defaultGuardrailId,
    ledger.assignments.get(key.hash)?.guardrailId,
  ]
  return ids.flatMap((id) => {
    const guardrail = id === undefined ? undefined : ledger.guardrails.get(id)
    return guardrail ? [guardrail] : []
  })
}

function isAllowed(world: World, key: KeyRecord, model: CatalogModel): boolean {
  return guardrailsOf(world, key).every(
    (guardrail) =>
      (guardrail.allowedModels?.includes(model.canonicalSlug) ?? true) &&
      !(guardrail.ignoredModels?.includes(model.canonicalSlug) ?? false) &&
      (guardrail.allowedProviders?.includes(model.providerSlug) ?? true) &&
      !(guardrail.ignoredProviders?.includes(model.providerSlug) ?? false),
  )
}

function refuseSpentBudget(world: World, key: KeyRecord, guardrail: GuardrailRecord): void {
  const { limitNano, resetInterval } = guardrail
  if (limitNano === null || resetInterval === null) return
  const now = world.now()
  const refuseWhenSpent = (usage: Usage, scope: string): void => {
    const spent = countedNano(usage, guardrail.includeByokInBudgets, resetInterval, now)
    if (spent < limitNano) return
    throw refuse(
      403,
      `Guardrail budget exceeded (${resetInterval} limit). Manage it using https://openrouter.ai/settings/privacy`,
      {
        metadata: {
          limit_source: 'openrouter_guardrail_budget',
          scope,
          guardrail_id: guardrail.id,
          limit_usd: nanoToUsd(limitNano),
          spend_usd: nanoToUsd(spent),
          reset_interval: resetInterval,
          resets_at: new Date(windowEnd(resetInterval, now)).toISOString(),
        },
      },
    )
  }
  const isDefault =
    world.ledger.workspaces.get(key.workspaceId)?.defaultGuardrailId === guardrail.id
  const member =
    key.creatorUserId === null ? undefined : world.ledger.memberUsage.get(key.creatorUserId)
  if (isDefault && member) refuseWhenSpent(member, 'workspace_default_member')
  refuseWhenSpent(key, isDefault ? 'workspace_default_key' : 'api_key')
}

function refuseSpentLimit(world: World, key: KeyRecord): void {
  if (key.limitNano === null) return
  const now = world.now()
  const used = usedOfLimitNano(key, now)
  if (used < key.limitNano) return
  throw refuse(
    403,
    `Key limit exceeded (${key.limitReset ?? 'total'} limit). Manage it using https://openrouter.ai/settings/keys`,
    {
      metadata: {
        limit_source: 'openrouter_key_limit',
        scope: 'key_limit',
        limit_usd: nanoToUsd(key.limitNano),
        spend_usd: nanoToUsd(used),
        resets_at:
          key.limitReset === null ? null : new Date(windowEnd(key.limitReset, now)).toISOString(),
      },
    },
  )
}

function leftOfLimitNano(world: World, key: KeyRecord): number {
  return key.limitNano === null ? Infinity : key.limitNano - usedOfLimitNano(key, world.now())
}

function refuseUnaffordable(request: {
  keyLeft: number
  balance: number
  model: CatalogModel
  promptTokens: number
  maxTokens: number
}): void {
  const { keyLeft, balance, model, promptTokens, maxTokens } = request
  const left = Math.min(keyLeft, balance)
  if (left === Infinity) return
  const remedy =
    keyLeft <= balance
      ? 'visit https://openrouter.ai/settings/keys and create a key with a higher total limit'
      : 'visit https://openrouter.ai/settings/credits and upgrade to a paid account'
  const metadata = { provider_name: null }
  if (promptTokens * model.promptNanoPerToken > left) {
    const affordable = Math.floor(left / model.promptNanoPerToken)
    throw refuse(
      402,
      `Prompt tokens limit exceeded: ${promptTokens} > ${affordable}. To increase, ${remedy}`,
      { metadata },
    )
  }
  if (model.completionNanoPerToken === 0) return
  const affordable = Math.floor(
    (left - promptTokens * model.promptNanoPerToken) / model.completionNanoPerToken,
  )
  if (maxTokens <= affordable) return
  throw refuse(
    402,
    'This request requires more credits, or fewer max_tokens. ' +
      `You requested up to ${maxTokens} tokens, but can only afford ${affordable}. To increase, ${remedy}`,
    { metadata },
  )
}

function holdInFlight(world: World, nano: number): void {
  const budget = world.faults.settings.inFlightBudget
  if (budget !== null && world.inFlightNano > 0 && nanoToUsd(world.inFlightNano + nano) > budget) {
    throw refuse(
      402,
      'Too many requests in flight for the current credit balance. Retry shortly or add credits.',
      {
        retryAfterSeconds: 1,
        metadata: {
          reason: 'in_flight_budget_exhausted',
          limit_source: 'openrouter_in_flight_budget',
          remedy_hint: 'Wait for running requests to finish, or add credits.',
        },
      },
    )
  }
  world.inFlightNano += nano
}

function countFreeCall(world: World): void {
  const now = world.now()
  world.freeCalls = world.freeCalls.filter((at) => at > now - 86_400_000)
  const { used, limit } = countFreeCallsToday(world)
  const lastMinute = world.freeCalls.filter((at) => at > now - 60_000).length
  if (lastMinute >= freeCallsPerMinute || used >= limit) {
    const period = used >= limit ? 'day' : 'min'
    throw refuse(429, `Rate limit exceeded: free-models-per-${period}`, {
      metadata: { error_type: 'rate_limit_exceeded' },
      availability: { code: 'capacity_exhausted' },
    })
  }
  world.freeCalls.push(now)
}
