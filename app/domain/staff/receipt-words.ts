/** A receipt in the words and amounts of a page. */
import { formatUsd, nanoFromDecimalString } from '~/money'
import type { ReceiptBody } from './receipt-view'

export type ReceiptView = ReturnType<typeof receiptView>

export function receiptView(body: ReceiptBody) {
  const money = (decimal: string) => formatUsd(nanoFromDecimalString(decimal))
  const maybe = (decimal: string | null) => (decimal === null ? null : money(decimal))
  const covered =
    body.modelsUsd === null
      ? null
      : { usd: money(body.modelsUsd), whole: body.modelsUsd === body.spentUsd }
  return {
    title: body.title,
    claimsOpenedAt: body.claimsOpenedAt,
    claimsClosedAt: body.claimsClosedAt,
    firstClaimAt: body.firstClaimAt,
    lastKeyEndedAt: body.lastKeyEndedAt,
    claims: body.claims,
    refused: body.refused,
    keysMade: body.keysMade,
    activePeople: body.activePeople,
    optIns: body.optIns,
    spent: money(body.spentUsd),
    granted: money(body.grantedUsd),
    unspent: money(body.unspentUsd),
    pool: maybe(body.poolUsd),
    median: maybe(body.medianSpendUsd),
    p95: maybe(body.p95SpendUsd),
    largest: maybe(body.largestSpendUsd),
    models: body.models?.map((model) => ({ ...model, usd: money(model.usd) })) ?? null,
    covered,
  }
}
