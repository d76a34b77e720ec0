/** Money for pages: exact text for people, a plain number only for the length of a meter. */
import { formatUsd, nanoFromDecimalString, usdNumberFromNano, type NanoUsd } from '~/money'

export function moneyView(amount: NanoUsd): MoneyView {
  return { text: formatUsd(amount), usd: usdNumberFromNano(amount) }
}

/** From a numeric(20,9) column read as text. */
export function moneyViewOfDecimal(decimal: string): MoneyView {
  return moneyView(nanoFromDecimalString(decimal))
}
/**
 * What pages show of workshops and claims. Everything here may reach the browser: no secret, no
 * other person's data.
 */

/** Money as text for people ("$1.25"), with the plain number of USD beside it for meters. */
export type MoneyView = { text: string; usd: number }
