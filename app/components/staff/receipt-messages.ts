/** A receipt in the amounts and sentences of its page. */
import { numberText } from '~/messages/text'
import { formatUsd, nanoFromDecimalString } from '~/money'
import type { Missing, ReceiptBody } from '~/domain/staff/receipt-view'

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
    models:
      body.models?.map((model) => ({
        ...model,
        usd: money(model.usd),
        percent: percentOf(model.usd, body.modelsUsd),
      })) ?? null,
    covered,
  }
}

/** Whole percents; 0 where there is nothing to share. */
function percentOf(part: string, whole: string | null): number {
  const total = whole === null ? 0n : nanoFromDecimalString(whole)
  return total === 0n ? 0 : Math.round(Number((nanoFromDecimalString(part) * 1000n) / total) / 10)
}

/** Why the receipt cannot be made yet. */
export function missingMessage(missing: Missing): string {
  switch (missing.what) {
    case 'open':
      return 'Claims are still open, or have not opened yet.'
    case 'live':
      return missing.keys === 1
        ? '1 key still works.'
        : `${numberText(missing.keys)} keys still work.`
    case 'unsettled':
      return missing.keys === 1
        ? 'The final usage of 1 key is not known yet. That takes a few minutes.'
        : `The final usage of ${numberText(missing.keys)} keys is not known yet. That takes a few minutes.`
    case 'books':
      return (
        'The provider reports the cost per model after midnight UTC. It is available from ' +
        `${missing.until.slice(0, 16).replace('T', ' ')} UTC.`
      )
    case 'provider':
      return 'The provider did not report the cost per model. Retrying automatically.'
  }
}
