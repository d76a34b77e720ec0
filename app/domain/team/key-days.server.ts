/** What one key spent on each of the last UTC days, kept by the ledger's postings. */
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import type { SpendingView } from './spending.server'

const dayMs = 86_400_000
const daysShown = 30

/** Thirty days, today last. `keyId` is a uuid that the caller may see. */
export async function readKeyDays(
  ctx: Ctx,
  keyId: string,
): Promise<Pick<SpendingView, 'days' | 'corrected' | 'total' | 'from' | 'to'>> {
  const today = Math.floor(ctx.now().getTime() / dayMs) * dayMs
  const from = new Date(today - (daysShown - 1) * dayMs)
  const rows = await ctx.db.$queryRaw<{ day: string; usage: string; corrected: string }[]>`
    select d.day::text as day, sum(d.usage_usd)::text as usage, sum(d.corrected_usd)::text as corrected
    from keymint.key_days d
    where d.api_key_id = ${keyId}::uuid and d.day >= ${from.toISOString().slice(0, 10)}::date
    group by d.day`
  const byDay = new Map(rows.map(({ day, usage }) => [day, nanoFromDecimalString(usage)]))
  const corrected = rows.reduce((sum, row) => sum + nanoFromDecimalString(row.corrected), 0n)
  const days = Array.from({ length: daysShown }, (_, index) =>
    new Date(from.getTime() + index * dayMs).toISOString().slice(0, 10),
  )
  const usage = days.reduce((sum, day) => sum + (byDay.get(day) ?? 0n), 0n)
  return {
    days: days.map((day) => ({ day, spent: moneyView(byDay.get(day) ?? 0n) })),
    corrected: corrected === 0n ? null : moneyView(corrected),
    total: moneyView(usage + corrected),
    from: from.toISOString(),
    to: new Date(today + dayMs).toISOString(),
  }
}
