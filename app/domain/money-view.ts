/** Money for pages: exact text for people, a plain number only for the length of a meter. */
import { formatUsd, nanoFromDecimalString, usdNumberFromNano, type NanoUsd } from '~/money'
import type { MoneyView } from './claim/view-types'

export function moneyView(amount: NanoUsd): MoneyView {
  return { text: formatUsd(amount), usd: usdNumberFromNano(amount) }
}

/** From a numeric(20,9) column read as text. */
export function moneyViewOfDecimal(decimal: string): MoneyView {
  return moneyView(nanoFromDecimalString(decimal))
}
