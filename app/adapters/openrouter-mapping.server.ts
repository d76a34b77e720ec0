/**
 * What OpenRouter's SDK returns, or what stands in a body that the SDK refused, turned into keys,
 * guardrails, models and activity of ours. Amounts become nano-USD; an impossible one throws.
 */
import type { ActivityItem, Guardrail, Model } from '@openrouter/sdk/models'
import type { ListData } from '@openrouter/sdk/models/operations'
import { z } from 'zod'
import { nanoFromUsdNumber, type NanoUsd } from '~/money'
import type {
  ActivityRow,
  MadeTerms,
  UpstreamGuardrail,
  UpstreamKey,
  UpstreamModel,
} from './key-provider'
import { errorFacts, objectOrEmpty, parseObject } from './openrouter-answers.server'

export type KeyPage = {
  keys: UpstreamKey[]
  /** With those that could not be read. */ length: number
}

/** The items of a list whose 200 the SDK refused, or null when it is not a list. */
export function rawItems(error: unknown): unknown[] | null {
  const { statusCode, body } = errorFacts(error)
  if (statusCode !== 200 || body === undefined) return null
  const { data } = parseObject(body)
  return Array.isArray(data) ? data : null
}

export const rawKeySchema = z
  .object({
    hash: z.string().min(1),
    name: z.string(),
    label: z.string().catch(''),
    disabled: z.boolean(),
    limit: z.number().nullable(),
    limit_remaining: z.number().nullable(),
    limit_reset: z.string().nullable(),
    usage: z.number(),
    usage_daily: z.number().optional(),
    usage_weekly: z.number().optional(),
    usage_monthly: z.number().optional(),
    byok_usage: z.number().optional(),
    byok_usage_daily: z.number().optional(),
    byok_usage_weekly: z.number().optional(),
    byok_usage_monthly: z.number().optional(),
    include_byok_in_limit: z.boolean().optional(),
    created_at: z.string().refine((text) => !Number.isNaN(Date.parse(text))),
    expires_at: z.string().nullish(),
  })
  .transform((key): SdkKey => ({
    ...key,
    limitRemaining: key.limit_remaining,
    limitReset: key.limit_reset,
    createdAt: key.created_at,
    expiresAt: key.expires_at ? new Date(key.expires_at) : null,
    usageDaily: key.usage_daily,
    usageWeekly: key.usage_weekly,
    usageMonthly: key.usage_monthly,
    byokUsage: key.byok_usage,
    byokUsageDaily: key.byok_usage_daily,
    byokUsageWeekly: key.byok_usage_weekly,
    byokUsageMonthly: key.byok_usage_monthly,
    includeByokInLimit: key.include_byok_in_limit,
  }))

/** The key of a 200 that the SDK refused, or nothing: a field that we do not need may go missing. */
export function rescueKey(error: unknown): UpstreamKey[] {
  const { statusCode, body } = errorFacts(error)
  const read =
    statusCode === 200 && body !== undefined
      ? rawKeySchema.safeParse(parseObject(body).data).data
      : undefined
  return read ? readKey(read) : []
}

/** The key, or nothing when it has an impossible amount or time. */
export function readKey(item: SdkKey): UpstreamKey[] {
  try {
    const key = keyFrom(item)
    return Number.isNaN(key.createdAt.getTime()) || Number.isNaN(key.expiresAt?.getTime() ?? 0)
      ? []
      : [key]
  } catch {
    return []
  }
}

export type SdkKey = Pick<
  ListData,
  | 'hash'
  | 'label'
  | 'name'
  | 'disabled'
  | 'limit'
  | 'limitRemaining'
  | 'limitReset'
  | 'usage'
  | 'createdAt'
  | 'expiresAt'
> &
  Partial<
    Pick<
      ListData,
      | 'usageDaily'
      | 'usageWeekly'
      | 'usageMonthly'
      | 'byokUsage'
      | 'byokUsageDaily'
      | 'byokUsageWeekly'
      | 'byokUsageMonthly'
      | 'includeByokInLimit'
    >
  >

function keyFrom(key: SdkKey): UpstreamKey {
  return {
    hash: key.hash,
    label: key.label,
    name: key.name,
    disabled: key.disabled,
    limit: nanoOrNull(key.limit),
    limitRemaining: nanoOrNull(key.limitRemaining),
    limitReset: key.limitReset,
    usage: withByok(key.usage, key.byokUsage) ?? 0n,
    usageBy: {
      daily: withByok(key.usageDaily, key.byokUsageDaily),
      weekly: withByok(key.usageWeekly, key.byokUsageWeekly),
      monthly: withByok(key.usageMonthly, key.byokUsageMonthly),
    },
    includeByok: key.includeByokInLimit ?? null,
    createdAt: new Date(key.createdAt),
    expiresAt: key.expiresAt ?? null,
  }
}

/** `usage` leaves out what own provider keys served; every dollar counts. */
const withByok = (usage: number | undefined, byok: number | undefined): NanoUsd | null =>
  usage === undefined ? null : nanoFromUsdNumber(usage) + nanoFromUsdNumber(byok ?? 0)

export const nanoOrNull = (value: number | null | undefined) =>
  value === null || value === undefined ? null : nanoFromUsdNumber(value)

/**
 * A 201 that lacks a field fails the SDK's validation although the key exists and its plaintext is
 * in the body: read what we need, so that a field removed upstream does not stop a workshop.
 */
export function rescueCreatedKey(
  error: unknown,
): { hash: string; label: string; plaintext: string; made: MadeTerms } | null {
  const { statusCode, body } = errorFacts(error)
  if (statusCode === undefined || statusCode < 200 || statusCode > 299 || body === undefined)
    return null
  const answer = parseObject(body)
  const data = objectOrEmpty(answer.data)
  if (typeof answer.key !== 'string' || typeof data.hash !== 'string' || !answer.key || !data.hash)
    return null
  return {
    hash: data.hash,
    label:
      typeof data.label === 'string'
        ? data.label
        : `${answer.key.slice(0, 12)}...${answer.key.slice(-3)}`,
    plaintext: answer.key,
    made: madeFrom(data),
  }
}

/** The terms in an answer that need not hold them all, or hold them in a shape that the SDK refuses. */
function madeFrom(data: Record<string, unknown>): MadeTerms {
  const made: MadeTerms = {}
  if (data.limit === null || typeof data.limit === 'number') made.limit = nanoOrNull(data.limit)
  if (data.limit_reset === null || typeof data.limit_reset === 'string')
    made.limitReset = data.limit_reset
  if (data.expires_at === null) made.expiresAt = null
  if (typeof data.expires_at === 'string' && !Number.isNaN(Date.parse(data.expires_at)))
    made.expiresAt = new Date(data.expires_at)
  if (typeof data.disabled === 'boolean') made.disabled = data.disabled
  if (typeof data.include_byok_in_limit === 'boolean') made.includeByok = data.include_byok_in_limit
  return made
}

export function guardrailFrom(item: Guardrail): UpstreamGuardrail {
  return {
    id: item.id,
    name: item.name,
    description: item.description ?? null,
    createdAt: new Date(item.createdAt),
    limitUsd: nanoOrNull(item.limitUsd),
    resetInterval: item.resetInterval ?? null,
    allowedModels: item.allowedModels ?? null,
  }
}

export function activityRowFrom(item: ActivityItem): ActivityRow {
  return {
    date: item.date,
    model: item.model,
    usage: nanoFromUsdNumber(item.usage),
    requests: item.requests,
    promptTokens: item.promptTokens,
    completionTokens: item.completionTokens,
  }
}

export function modelFrom(model: Model): UpstreamModel {
  return {
    id: model.id,
    canonicalSlug: model.canonicalSlug,
    longestAnswer: priceOfLongest(
      model.pricing.completion,
      model.topProvider.maxCompletionTokens ?? model.contextLength,
    ),
  }
}

/** Prices are decimal USD a token, finer than a nano-USD; -1 for a model that routes to others. */
function priceOfLongest(usdPerToken: string, tokens: number | null | undefined): NanoUsd | null {
  const price = Number(usdPerToken)
  if (!tokens || !Number.isFinite(price) || price < 0) return null
  return nanoFromUsdNumber(price * tokens)
}
