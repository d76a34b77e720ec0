/**
 * The models that an account's service has, with their prices where it names any: read at most once
 * an hour, kept in a row for every process, and shown with its age. A service that does not answer
 * costs a page no more than a moment, and leaves it the last list.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isProviderError } from '~/adapters/provider-error'
import type { ServiceModel } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import type { Ctx } from '../ctx'
import { didYouMean } from '../workshop/problem'
import { openAccount } from './accounts.server'

/** Prices are USD for a million tokens, as decimal text; null where the service names none. */
export type CatalogModel = {
  id: string
  canonicalId: string
  input: string | null
  output: string | null
}
export type ModelCatalog = {
  models: CatalogModel[]
  /** When it was read; null where it never was. */
  readAt: Date | null
}

const maxAgeSeconds = 3_600
/** A page waits so long for a list; the reading itself goes on. */
const pageWaitMs = 1_500
/** After a reading that failed, or while one is under way, pages do not ask again for so long. */
const pauseSeconds = 60
/** A proxy that names more has no list that anybody reads. */
const maxModels = 5_000

type Row = { models: CatalogModel[]; readAt: Date | null; age: number | null }
const nothing: ModelCatalog = { models: [], readAt: null }

/**
 * For a page: what is known, refreshed where it is old. Null where the account's service has no list
 * of models.
 */
export async function readModelCatalog(ctx: Ctx, accountId: string): Promise<ModelCatalog | null> {
  const place = await placeOf(ctx, accountId)
  if (place === null) return null
  const row = await readRow(ctx, place)
  if (row?.age != null && row.age < maxAgeSeconds) return row
  const taken = await ctx.db.$executeRaw`
    insert into keymint.model_catalogs as c (place, asked_at) values (${place}, keymint.now())
    on conflict (place) do update set asked_at = keymint.now()
      where c.asked_at < keymint.now() - make_interval(secs => ${pauseSeconds}::int)`
  if (taken !== 1) return row ?? nothing
  const reading = refresh(ctx, accountId, place).catch((error: unknown) => {
    ctx.log.warn({ error, accountId }, 'a list of models could not be kept')
    return null
  })
  const late = sleep(pageWaitMs, null, { ref: false })
  return (await Promise.race([reading, late])) ?? row ?? nothing
}

export type ModelCheck =
  | { kind: 'known' }
  | { kind: 'unknown'; model: string; suggestion: string | null }
  /** Nobody could say. */
  | { kind: 'unread' }

/** Whether the service has all of these models: asks it unless it was asked a minute ago. */
export async function checkModels(
  ctx: Ctx,
  accountId: string,
  models: readonly string[],
): Promise<ModelCheck> {
  const place = await placeOf(ctx, accountId)
  if (place === null) return { kind: 'unread' }
  const known = await readRow(ctx, place)
  if (known && missingIn(known, models) === undefined && (known.age ?? Infinity) < maxAgeSeconds)
    return { kind: 'known' }
  const fresh =
    known?.age != null && known.age < pauseSeconds ? known : await refresh(ctx, accountId, place)
  if (fresh === null) return { kind: 'unread' }
  const model = missingIn(fresh, models)
  if (model === undefined) return { kind: 'known' }
  const names = fresh.models.map(({ id }) => id)
  return { kind: 'unknown', model, suggestion: didYouMean(model, names) ?? null }
}

const missingIn = ({ models }: ModelCatalog, wanted: readonly string[]): string | undefined => {
  const names = new Set(models.map(({ id }) => id))
  return wanted.find((id) => !names.has(id))
}

/** By id: what a guardrail answers with for each of these models. The id itself where nobody knows it. */
export async function canonicalIds(
  ctx: Ctx,
  accountId: string,
  models: readonly string[],
): Promise<string[]> {
  const check = await checkModels(ctx, accountId, models)
  const place = check.kind === 'unread' ? null : await placeOf(ctx, accountId)
  const row = place === null ? null : await readRow(ctx, place)
  const byId = new Map((row?.models ?? []).map(({ id, canonicalId }) => [id, canonicalId]))
  return models.map((id) => byId.get(id) ?? id)
}

/** One row for all accounts of a service whose list is public, else one for the account. */
async function placeOf(ctx: Ctx, accountId: string): Promise<string | null> {
  const [row] = await ctx.db.$queryRaw<{ service: string }[]>`
    select service from keymint.accounts where id = ${accountId}::uuid`
  const list = row && ctx.services.get(row.service)?.models
  return row && list ? (list.isPublic ? row.service : accountId) : null
}

async function readRow(ctx: Ctx, place: string): Promise<Row | null> {
  const [row] = await ctx.db.$queryRaw<Row[]>`
    select models, read_at as "readAt", extract(epoch from keymint.now() - read_at)::float8 as age
    from keymint.model_catalogs where place = ${place}`
  return row ?? null
}

/** Asks the service and keeps the answer. Null when there is none. */
async function refresh(ctx: Ctx, accountId: string, place: string): Promise<ModelCatalog | null> {
  const found = await askModels(ctx, accountId)
  const [row] = await ctx.db.$queryRaw<{ readAt: Date | null }[]>`
    insert into keymint.model_catalogs as c (place, models, asked_at, read_at, failed_at)
    values (${place}, ${JSON.stringify(found ?? [])}::jsonb, keymint.now(),
      case when ${found !== null} then keymint.now() end, case when ${found === null} then keymint.now() end)
    on conflict (place) do update set asked_at = keymint.now(), failed_at = excluded.failed_at,
      models = case when ${found !== null} then excluded.models else c.models end,
      read_at = coalesce(excluded.read_at, c.read_at)
    returning read_at as "readAt"`
  return found && { models: found, readAt: row?.readAt ?? null }
}

async function askModels(ctx: Ctx, accountId: string): Promise<CatalogModel[] | null> {
  const account = await openAccount(ctx, accountId)
  if (!account?.adapter.models) return null
  try {
    const models = await account.adapter.models.list(account.credential)
    return models.slice(0, maxModels).map(catalogModel)
  } catch (error) {
    if (!isProviderError(error)) throw error
    ctx.log.warn({ accountId, failure: error.details }, 'a list of models could not be read')
    return null
  }
}

const catalogModel = (model: ServiceModel): CatalogModel => ({
  id: model.id,
  canonicalId: model.canonicalId,
  input: model.promptPerMillion === null ? null : decimalStringFromNano(model.promptPerMillion),
  output:
    model.completionPerMillion === null ? null : decimalStringFromNano(model.completionPerMillion),
})
