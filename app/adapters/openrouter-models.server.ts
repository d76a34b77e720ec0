/**
 * The provider's public list of models with their prices, asked without a key: an expired one sent
 * along would be refused. Every failure is a ModelsError whose message is for people.
 */
import { z } from 'zod'
import { nanoFromUsdNumber, type NanoUsd } from '~/money'

export type PublicModel = {
  id: string
  canonicalSlug: string
  /** Null where the provider names no price, as for a model that routes to others. */
  promptPerMillion: NanoUsd | null
  completionPerMillion: NanoUsd | null
  /** What the longest answer costs: reserved for a request that sets no max_tokens. */
  longestAnswer: NanoUsd | null
}

export class ModelsError extends Error {}

const timeoutMs = 10_000

const modelSchema = z.object({
  id: z.string(),
  canonical_slug: z.string().nullish(),
  context_length: z.number().nullish(),
  pricing: z.object({ prompt: z.string(), completion: z.string() }).partial().nullish(),
  top_provider: z.object({ max_completion_tokens: z.number().nullish() }).nullish(),
})
const answerSchema = z.object({ data: z.array(z.unknown()) })

/** A model that cannot be read is left out; a list without a readable one is an error. */
export async function readPublicModels(baseUrl: string): Promise<PublicModel[]> {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).host : 'that address'
  let answer: unknown
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, '')}/models`, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok) throw new ModelsError(`${host} answered with ${response.status}`)
    answer = await response.json()
  } catch (error) {
    if (error instanceof ModelsError) throw error
    throw new ModelsError(`${host} could not be reached, or its answer could not be read`)
  }
  const list = answerSchema.safeParse(answer)
  const models = (list.success ? list.data.data : []).flatMap((one) => {
    const read = modelSchema.safeParse(one)
    return read.success ? [modelOf(read.data)] : []
  })
  if (models.length === 0) throw new ModelsError(`${host} answered without a list of models`)
  return models
}

function modelOf(model: z.infer<typeof modelSchema>): PublicModel {
  const tokens = model.top_provider?.max_completion_tokens ?? model.context_length ?? 0
  return {
    id: model.id,
    canonicalSlug: model.canonical_slug ?? model.id,
    promptPerMillion: priceOf(model.pricing?.prompt, 1_000_000),
    completionPerMillion: priceOf(model.pricing?.completion, 1_000_000),
    longestAnswer: tokens > 0 ? priceOf(model.pricing?.completion, tokens) : null,
  }
}

/** Prices are decimal USD a token, finer than a nano-USD. */
function priceOf(usdPerToken: string | undefined, tokens: number): NanoUsd | null {
  const price = usdPerToken === undefined || usdPerToken === '' ? Number.NaN : Number(usdPerToken)
  if (!Number.isFinite(price) || price < 0 || price * tokens >= 1e11) return null
  return nanoFromUsdNumber(price * tokens)
}
