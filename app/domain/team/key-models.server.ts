/** The models of a key and their prices, as its page shows them. */
import type { Ctx } from '../ctx'
import { readModelCatalog } from '../keys/model-catalog.server'

export type KeyModelsView = {
  /** Each with its prices for a million tokens, in USD; null where the service names none. */
  models: { id: string; input: string | null; output: string | null; known: boolean }[]
  /** Of the list that was searched; more than is shown. */
  found: number
  total: number
  /** Null where the list could not be read, ever. */
  readAt: string | null
  priced: boolean
}

const maxShown = 50

/**
 * The models of a key for its page: those of its list, or of all that its service has those that
 * were searched for. Null where its service has no models.
 */
export async function readKeyModels(
  ctx: Ctx,
  key: { masterKeyId: string; models: readonly string[] },
  search: string,
): Promise<KeyModelsView | null> {
  const catalog = await readModelCatalog(ctx, key.masterKeyId)
  if (!catalog) return null
  const byId = new Map(catalog.models.map((model) => [model.id, model]))
  const all =
    key.models.length === 0
      ? catalog.models.map(({ id, input, output }) => ({ id, input, output, known: true }))
      : key.models.map((id) => {
          const known = byId.get(id)
          return {
            id,
            input: known?.input ?? null,
            output: known?.output ?? null,
            known: known !== undefined,
          }
        })
  const wanted = search.toLowerCase()
  const found = all
    .filter(({ id }) => id.toLowerCase().includes(wanted))
    .sort((a, b) => a.id.localeCompare(b.id))
  return {
    models: found.slice(0, maxShown),
    found: found.length,
    total: all.length,
    readAt: catalog.readAt?.toISOString() ?? null,
    priced: catalog.models.some(({ input, output }) => input !== null || output !== null),
  }
}
