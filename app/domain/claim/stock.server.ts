/** The pre-minted keys of a workshop as staff see them: how many wait, what they hold, what failed. */
import type { Ctx } from '../ctx'
import { moneyViewOfDecimal, type MoneyView } from '../money-view'
import { windowState } from '../workshop/workshop'
import { premintLeadMs } from './decide-stock'

export type StockView = {
  /** What the file asks for; null where it asks for none (any more). */
  wanted: number | null
  ready: number
  /** Being made, or made and not assigned to the guardrail yet. */
  making: number
  /** Ended, with money that returns when the provider has said what they used. */
  closing: number
  claimed: number
  held: MoneyView
  /** Why the last one could not be made or kept. Null where that is long ago. */
  failure: { reason: string; detail: string | null; at: string } | null
  /** Why keys that are made are not assigned to the guardrail yet. Null where none is waiting for that. */
  bindError: string | null
  /** When the first ones are made; null where that has passed. */
  madeFrom: string | null
}

/** Null where there are none and the file asks for none. */
export async function readStock(ctx: Ctx, slug: string): Promise<StockView | null> {
  const [row] = await ctx.db.$queryRaw<
    {
      ready: number
      live: number
      closing: number
      claimed: number
      held: string
      reason: string | null
      detail: string | null
      failedAt: Date | null
      bindError: string | null
    }[]
  >`
    select count(*) filter (where s.state = 'ready' and k.guardrail_at is not null)::int as ready,
      count(*) filter (where s.state in ('pending', 'ready'))::int as live,
      count(*) filter (where s.state in ('ended', 'refused') and s.committed_usd > 0)::int as closing,
      count(*) filter (where s.state = 'taken')::int as claimed,
      coalesce(sum(s.committed_usd), 0)::numeric(20,9)::text as held,
      max(k.bind_error) filter (where s.state = 'ready' and k.guardrail_at is null) as "bindError",
      f.reason, f.reason_detail as detail, f.ended_at as "failedAt"
    from (select 1) one
    left join keymint.spares s on s.workshop_slug = ${slug}
    left join keymint.keys k on k.holder_kind = 'spare' and k.holder_id = s.id
    left join lateral (
      select l.reason, l.reason_detail, l.ended_at from keymint.spares l where l.workshop_slug = ${slug}
        and (l.state = 'refused' or (l.state = 'ended' and l.reason = 'unusable'))
        and l.ended_at > keymint.now() - interval '1 hour' order by l.ended_at desc limit 1) f on true
    group by f.reason, f.reason_detail, f.ended_at`
  const file = ctx.workshops.workshops.get(slug)
  const now = ctx.now()
  const wanted = file && windowState(file, now) !== 'closed' ? file.premint : null
  if (!row || (wanted === null && row.live + row.closing + row.claimed === 0)) return null
  const from = file?.claimsOpenAt ? new Date(file.claimsOpenAt.getTime() - premintLeadMs) : null
  return {
    wanted,
    ready: row.ready,
    making: row.live - row.ready,
    closing: row.closing,
    claimed: row.claimed,
    held: moneyViewOfDecimal(row.held),
    failure:
      row.reason === null || row.failedAt === null
        ? null
        : { reason: row.reason, detail: row.detail, at: row.failedAt.toISOString() },
    bindError: row.bindError,
    madeFrom: wanted !== null && from !== null && from > now ? from.toISOString() : null,
  }
}
