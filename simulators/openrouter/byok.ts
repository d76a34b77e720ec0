/**
 * BYOK: the account's own provider keys. OpenRouter tries them first and charges no credits for
 * what they serve; it counts the provider's price as `byok_usage`. A key's limit counts it only with
 * `include_byok_in_limit`, a guardrail's budget only with `include_byok_in_budgets`.
 */
import type { Interval } from '../shared/money.ts'
import { optional, readNumber, readStrings } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { findModel } from './models.ts'
import type { ByokRecord } from './records.ts'
import { spentNano, type SpendCounter } from './spend-counter.ts'
import type { World } from './world.ts'

export interface Usage {
  /** Credits. */
  usage: SpendCounter
  byokUsage: SpendCounter
}

/** What was spent of a limit or budget that counts BYOK, or does not. */
export function countedNano(
  { usage, byokUsage }: Usage,
  includesByok: boolean,
  interval: Interval | null,
  at: number,
): number {
  return spentNano(usage, interval, at) + (includesByok ? spentNano(byokUsage, interval, at) : 0)
}

/**
 * Whether the account's own key serves the next request to this model. With a share of 0.25 every
 * fourth request is, so that runs repeat exactly.
 */
export function takeByokTurn(world: World, modelSlug: string): boolean {
  if (!isByokModel(world, modelSlug)) return false
  world.byokDue += world.ledger.account.byok.share
  // Shares such as 0.1 do not add up exactly.
  if (world.byokDue < 1 - 1e-9) return false
  world.byokDue -= 1
  return true
}

/** How much of a charge on this model is the own key's; `whole` decides for all of it. */
export function splitCharge(
  world: World,
  modelSlug: string,
  nano: number,
  whole: boolean | undefined,
): { creditsNano: number; byokNano: number } {
  const share =
    whole === undefined
      ? isByokModel(world, modelSlug)
        ? world.ledger.account.byok.share
        : 0
      : Number(whole)
  const byokNano = Math.round(nano * share)
  return { creditsNano: nano - byokNano, byokNano }
}

/** `{"share": 0.5, "providers": ["openai"]}`; without providers, keys for all of them. */
export function readByok(body: JsonObject): ByokRecord {
  return {
    share: readNumber(body, 'share', { min: 0, max: 1 }),
    providers: optional(body, 'providers', readStrings) ?? null,
  }
}

export const noByok: ByokRecord = { share: 0, providers: null }

function isByokModel(world: World, modelSlug: string): boolean {
  const { share, providers } = world.ledger.account.byok
  if (share === 0) return false
  return providers === null || providers.includes(findModel(modelSlug)?.providerSlug ?? '')
}
