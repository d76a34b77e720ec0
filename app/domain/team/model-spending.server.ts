/**
 * What was spent by model from one UTC day to another, where the service tells it, and how much of the
 * books it explains. A service counts a request on its own day, the books on the day of the reading:
 * the two differ around midnight, and neither is made of the other.
 */
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import type { BooksScope } from './months.server'
import { boundsOf, type DayRange } from './range.server'

export type ModelSpending = {
  rows: { model: string; service: string; requests: number; spent: MoneyView }[]
  /** Models that are not among the rows. */
  more: number
  told: MoneyView
  /** Of what the books read on these days; null where as much or more is told. */
  untold: MoneyView | null
  /** The last day that a service has told; null before the first. */
  lastDay: string | null
  /** Services that were used on these days and tell no model. */
  silent: string[]
}

const maxModels = 100

/** Null where nothing was spent at a service that tells, and nothing is told. */
export async function readModelSpending(
  ctx: Ctx,
  { teamId, userId }: BooksScope,
  range: DayRange,
): Promise<ModelSpending | null> {
  const { first, final, last } = boundsOf(range, ctx.now())
  const [models, used] = await Promise.all([
    ctx.db.$queryRaw<
      {
        model: string
        service: string
        requests: string
        usd: string
        lastDay: string
        count: number
        told: string
      }[]
    >`
      select d.model, k.service, sum(d.requests)::text as requests, sum(d.usage_usd)::text as usd,
        (max(max(d.day)) over ())::text as "lastDay", (count(*) over ())::int as count,
        (sum(sum(d.usage_usd)) over ())::text as told
      from keymint.model_days d join keymint.keys e on e.id = d.key_id
      join keymint.api_keys k on e.holder_kind = 'sub-key' and k.id = e.holder_id
      where k.team_id = ${teamId}::uuid and (${userId}::text is null or k.user_id = ${userId})
        and d.day between ${range.from}::date and ${range.to}::date and d.usage_usd > 0
      group by d.model, k.service order by sum(d.usage_usd) desc, d.model, k.service limit ${maxModels}::int`,
    ctx.db.$queryRaw<{ service: string; usd: string }[]>`
      select k.service, sum(d.usage_usd)::text as usd
      from keymint.key_days d join keymint.api_keys k on k.id = d.api_key_id
      where d.team_id = ${teamId}::uuid and d.month between ${first}::date and ${final}::date
        and d.day between ${range.from}::date and ${last}::date
        and (${userId}::text is null or d.user_id = ${userId})
      group by k.service having sum(d.usage_usd) > 0 order by k.service`,
  ])
  const tells = (service: string) => ctx.services.get(service)?.listModelSpend !== undefined
  const told = nanoFromDecimalString(models[0]?.told ?? '0')
  const read = used.reduce((sum, { usd }) => sum + nanoFromDecimalString(usd), 0n)
  if (models.length === 0 && !used.some(({ service }) => tells(service))) return null
  return {
    rows: models.map(({ model, service, requests, usd }) => ({
      model,
      service,
      requests: Number(requests),
      spent: moneyView(nanoFromDecimalString(usd)),
    })),
    more: (models[0]?.count ?? 0) - models.length,
    told: moneyView(told),
    untold: read > told ? moneyView(read - told) : null,
    lastDay: models[0]?.lastDay ?? null,
    silent: used.filter(({ service }) => !tells(service)).map(({ service }) => service),
  }
}
