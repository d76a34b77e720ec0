/**
 * Money is a bigint count of nano-USD, the exact grain of the `numeric(20,9)` columns. Guarantee:
 * amounts are never added, compared or shown through a float. A float exists only on the provider's
 * wire.
 */
export type NanoUsd = bigint

export const NANO_PER_USD = 1_000_000_000n

/** The largest amount a `numeric(20,9)` column holds. */
export const MAX_NANO_USD: NanoUsd = 99_999_999_999_999_999_999n

const NANO_PER_CENT = NANO_PER_USD / 100n

/**
 * Reads a JSON number from the provider, rounded to 9 decimals. Throws a RangeError on NaN,
 * Infinity and what no column can hold.
 */
export function nanoFromUsdNumber(usd: number): NanoUsd {
  if (!Number.isFinite(usd)) throw new RangeError('An amount of money must be a finite number')
  if (Math.abs(usd) >= 1e11)
    throw new RangeError('An amount of money must be below 100 billion USD')
  // toFixed rounds the exact value of the double; multiplying by 1e9 would round twice.
  return nanoFromDecimalString(usd.toFixed(9))
}

/**
 * Reads what Postgres prints for a numeric (`2`, `-0.5`, `300.000000000`). Throws a RangeError on
 * anything else.
 */
export function nanoFromDecimalString(decimal: string): NanoUsd {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal)
  if (!match) throw new RangeError('Not a decimal amount of money')
  const [, sign = '', whole = '0', fraction = ''] = match
  if (/[^0]/.test(fraction.slice(9)))
    throw new RangeError('An amount of money has at most 9 decimals')
  const nano = BigInt(whole) * NANO_PER_USD + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -nano : nano
}

/** Prints all nine decimals, as a `numeric(20,9)` column does: `2.000000000`. */
export function decimalStringFromNano(nano: NanoUsd): string {
  const size = nano < 0n ? -nano : nano
  const fraction = (size % NANO_PER_USD).toString().padStart(9, '0')
  return `${nano < 0n ? '-' : ''}${size / NANO_PER_USD}.${fraction}`
}

/**
 * The nearest JSON number, for the provider's wire only. Exact both ways up to 999,999.999999999
 * USD.
 */
export function usdNumberFromNano(nano: NanoUsd): number {
  return Number(decimalStringFromNano(nano))
}

/**
 * For people: `$1,234.50`. Half a cent rounds away from zero; below a cent two significant
 * digits stay (`$0.0004`), so that a small amount never reads as nothing. `exact` shows every
 * decimal there is, for caps and limits.
 */
export function formatUsd(
  nano: NanoUsd,
  options: { minDecimals?: number; exact?: boolean } = {},
): string {
  const minDecimals = Math.min(9, Math.max(0, Math.trunc(options.minDecimals ?? 2)))
  const size = nano < 0n ? -nano : nano
  const decimals =
    options.exact || size === 0n
      ? 9
      : size >= NANO_PER_CENT
        ? minDecimals
        : twoSignificantDecimals(size, minDecimals)
  const rounded = roundTo(size, decimals)
  const whole = (rounded / NANO_PER_USD).toString().replace(/\B(?=(\d{3})+$)/g, ',')
  const fraction = (rounded % NANO_PER_USD)
    .toString()
    .padStart(9, '0')
    .replace(/0+$/, '')
    .padEnd(minDecimals, '0')
  return `${nano < 0n && rounded > 0n ? '-' : ''}$${whole}${fraction === '' ? '' : `.${fraction}`}`
}

function twoSignificantDecimals(size: NanoUsd, minDecimals: number): number {
  return Math.max(minDecimals, Math.min(9, 11 - size.toString().length))
}

function roundTo(size: NanoUsd, decimals: number): NanoUsd {
  const step = 10n ** BigInt(9 - decimals)
  return ((size + step / 2n) / step) * step
}
