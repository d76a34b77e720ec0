/**
 * Keys on LiteLLM's wire: the request for one, the rows that come back, and what a proxy's own
 * configuration has changed of it.
 */
import { z } from 'zod'
import { nanoFromUsdNumber, usdNumberFromNano, type NanoUsd } from '~/money'
import type { NewServiceKey, ServiceKey, ServiceReset } from './service-adapter'

/** A key may end this much earlier than asked, for clocks that differ. */
const expiryToleranceMs = 120_000

/**
 * LiteLLM's durations that reset with the UTC day, on Monday and on the first of the month.
 */
export const durationOf: Record<ServiceReset, string> = {
  daily: '1d',
  weekly: '7d',
  monthly: '1mo',
}

const resetOf: Record<string, ServiceReset> = {
  '1d': 'daily',
  '24h': 'daily',
  '7d': 'weekly',
  '1w': 'weekly',
  '30d': 'monthly',
  '1mo': 'monthly',
}

const time = z.string().transform((text, context) => {
  // Some versions print UTC without saying so.
  const at = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`)
  if (!Number.isNaN(at.getTime())) return at
  context.addIssue('not a time')
  return z.NEVER
})

const limitFields = {
  max_budget: z.number().nullish(),
  budget_duration: z.string().nullish(),
  expires: time.nullish(),
}

export const createdSchema = z.object({
  key: z.string().min(8),
  key_name: z.string().nullish(),
  models: z.array(z.string()).nullish().catch(undefined),
  ...limitFields,
})

export const rowSchema = z.object({
  key_name: z.string().nullish(),
  key_alias: z.string().nullish(),
  spend: z.number().nullish(),
  blocked: z.boolean().nullish(),
  budget_reset_at: time.nullish(),
  created_at: time.nullish(),
  models: z.array(z.string()).nullish().catch(undefined),
  ...limitFields,
})

export function requestFor(key: NewServiceKey, now: Date): object {
  return {
    key_alias: key.name,
    max_budget: usdNumberFromNano(key.cap),
    ...(key.reset === null ? {} : { budget_duration: durationOf[key.reset] }),
    ...(key.expiresAt === null
      ? {}
      : {
          duration: `${Math.max(1, Math.floor((key.expiresAt.getTime() - now.getTime()) / 1_000))}s`,
        }),
    // An empty list is every model of the proxy.
    models: key.models ?? [],
    // A sub-key makes requests and manages nothing.
    key_type: 'llm_api',
    metadata: { made_by: 'keymint' },
  }
}

/**
 * What the proxy's `default_key_generate_params` or the like have changed of the key that was asked
 * for; null for nothing. Fields that the answer leaves out count as unchanged.
 */
export function differenceOf(
  asked: NewServiceKey,
  given: z.output<typeof createdSchema>,
): string | null {
  const changed = (what: string) =>
    `The proxy's own configuration changed ${what} of the key, so the key was deleted. ` +
    'Check default_key_generate_params and upperbound_key_generate_params.'
  if (
    given.max_budget !== undefined &&
    (given.max_budget === null || nanoFromUsdNumber(given.max_budget) !== asked.cap)
  )
    return changed('the budget')
  if (
    given.budget_duration !== undefined &&
    (given.budget_duration ?? null) !== (asked.reset === null ? null : durationOf[asked.reset])
  )
    return changed('the reset')
  if (given.models !== undefined && !isSameList(given.models ?? [], asked.models ?? []))
    return changed('the models')
  if (given.expires !== undefined) {
    const tooEarly =
      given.expires !== null &&
      (asked.expiresAt === null ||
        given.expires.getTime() < asked.expiresAt.getTime() - expiryToleranceMs)
    if (tooEarly || (given.expires === null && asked.expiresAt !== null)) return changed('the end')
  }
  return null
}

export function keyFrom(id: string, row: z.output<typeof rowSchema>): ServiceKey {
  const spend: NanoUsd = nanoFromUsdNumber(Math.max(0, row.spend ?? 0))
  const duration = row.budget_duration ?? null
  return {
    id,
    name: row.key_alias ?? '',
    label: maskedName(row.key_name),
    cap:
      row.max_budget === null || row.max_budget === undefined
        ? null
        : nanoFromUsdNumber(row.max_budget),
    reset: duration === null ? null : (resetOf[duration] ?? null),
    // `spend` returns to zero with the budget: only without a reset is it the key's whole usage.
    usage: duration === null ? spend : null,
    resets: true,
    usedInWindow: spend,
    windowEndsAt: duration === null ? null : (row.budget_reset_at ?? null),
    disabled: row.blocked === true,
    createdAt: row.created_at ?? null,
    expiresAt: row.expires ?? null,
    ...(row.models ? { models: row.models } : {}),
  }
}

/** Two lists of models that allow the same. */
export function isSameList(one: readonly string[], other: readonly string[]): boolean {
  const names = new Set(one)
  return names.size === new Set(other).size && other.every((name) => names.has(name))
}

/** `sk-...abcd`, as LiteLLM abbreviates; a longer name might be a key. */
export const maskedName = (name: string | null | undefined) =>
  name && /^sk-\.\.\.\S{1,4}$/.test(name) ? name : 'sk-…'
