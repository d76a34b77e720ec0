/** Which models of a file the provider has, and what they cost. */
import {
  ModelsError,
  readPublicModels,
  type PublicModel,
} from '../../adapters/openrouter-models.server'
import { formatUsd, type NanoUsd } from '~/money'
import { didYouMean } from '../../domain/workshop/problem'

/** `models` is null where nobody answered; then `error` says why. */
export type ModelList = { host: string; models: PublicModel[] | null; error: string | null }

export type ModelPlan = {
  id: string
  /** Null where the provider could not be asked. */
  exists: boolean | null
  promptPerMillion: NanoUsd | null
  completionPerMillion: NanoUsd | null
  longestAnswer: NanoUsd | null
  /** The nearest name that exists. */
  suggestion: string | null
}

export const publicAddress = 'https://openrouter.ai/api/v1'

/** Never throws: an offline laptop still gets the rest of the plan. */
export async function askModels(baseUrl: string): Promise<ModelList> {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl
  try {
    return { host, models: await readPublicModels(baseUrl), error: null }
  } catch (error) {
    if (!(error instanceof ModelsError)) throw error
    return { host, models: null, error: error.message }
  }
}

export function planModels(ids: readonly string[], { models }: ModelList): ModelPlan[] {
  return ids.map((id) => {
    const found = models?.find((model) => model.id === id || model.canonicalSlug === id) ?? null
    const unknown = models !== null && found === null
    return {
      id,
      exists: models === null ? null : found !== null,
      promptPerMillion: found?.promptPerMillion ?? null,
      completionPerMillion: found?.completionPerMillion ?? null,
      longestAnswer: found?.longestAnswer ?? null,
      suggestion: unknown ? nearestModel(id, models) : null,
    }
  })
}

/** Of the same author first: a version that is not there yet is the usual slip. */
export function nearestModel(id: string, models: readonly { id: string }[]): string | null {
  const names = models.map((model) => model.id)
  const author = `${id.split('/')[0]}/`
  return (
    didYouMean(
      id,
      names.filter((name) => name.startsWith(author)),
    ) ?? didYouMean(id, names)
  )
}

/** `openai/gpt-5-nano: $0.05 in, $0.40 out for a million tokens` */
export function modelLine(model: ModelPlan, keyLimit: NanoUsd): string {
  if (model.exists === null) return `${model.id}: unknown`
  if (!model.exists)
    return `${model.id}: DOES NOT EXIST${model.suggestion ? `  → did you mean ${model.suggestion}?` : ''}`
  const price = (amount: NanoUsd | null) => (amount === null ? 'no price' : formatUsd(amount))
  const reserved =
    model.longestAnswer !== null && model.longestAnswer > keyLimit
      ? `; without max_tokens a request reserves ${formatUsd(model.longestAnswer)}, more than a key has`
      : ''
  return (
    `${model.id}: ${price(model.promptPerMillion)} in, ${price(model.completionPerMillion)} out ` +
    `for a million tokens${reserved}`
  )
}
