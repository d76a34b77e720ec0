import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  MAX_NANO_USD,
  decimalStringFromNano,
  formatUsd,
  nanoFromDecimalString,
  nanoFromUsdNumber,
  usdNumberFromNano,
} from './money'

test('a number from the provider is rounded to nine decimals', () => {
  expect(nanoFromUsdNumber(2)).toBe(2_000_000_000n)
  expect(nanoFromUsdNumber(0.1 + 0.2)).toBe(300_000_000n)
  expect(nanoFromUsdNumber(1e-9)).toBe(1n)
  expect(nanoFromUsdNumber(4e-10)).toBe(0n)
  expect(nanoFromUsdNumber(6e-10)).toBe(1n)
  expect(nanoFromUsdNumber(-0)).toBe(0n)
  expect(nanoFromUsdNumber(-1.5)).toBe(-1_500_000_000n)
})

test('a number that is no amount of money is refused', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity, 1e11, -1e21, Number.MAX_VALUE]) {
    expect(() => nanoFromUsdNumber(bad)).toThrow(RangeError)
  }
})

test('a decimal string is read exactly, and nothing else is read', () => {
  expect(nanoFromDecimalString('300')).toBe(300_000_000_000n)
  expect(nanoFromDecimalString('-0.000000001')).toBe(-1n)
  expect(nanoFromDecimalString('1.5000000000')).toBe(1_500_000_000n)
  for (const bad of [
    '',
    ' 1',
    '1.',
    '.5',
    '1e3',
    '+1',
    '1,000',
    '0x10',
    'NaN',
    '1.0000000001',
    '--1',
    '1\n',
  ]) {
    expect(() => nanoFromDecimalString(bad), JSON.stringify(bad)).toThrow(RangeError)
  }
})

test('every amount a column can hold survives the round trip through its string', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -MAX_NANO_USD, max: MAX_NANO_USD }), (nano) => {
      const decimal = decimalStringFromNano(nano)
      expect(decimal).toMatch(/^-?\d{1,11}\.\d{9}$/)
      expect(nanoFromDecimalString(decimal)).toBe(nano)
    }),
  )
})

test('every amount below a million dollars survives the round trip through a JSON number', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -999_999_999_999_999n, max: 999_999_999_999_999n }), (nano) => {
      expect(nanoFromUsdNumber(JSON.parse(JSON.stringify(usdNumberFromNano(nano))) as number)).toBe(
        nano,
      )
    }),
  )
})

test('amounts read as a person writes them', () => {
  const cases: [string, string][] = [
    ['0', '$0.00'],
    ['2', '$2.00'],
    ['0.5', '$0.50'],
    ['1234567.891', '$1,234,567.89'],
    ['1000', '$1,000.00'],
    ['0.0004', '$0.0004'],
    ['0.000423', '$0.00042'],
    ['0.000000001', '$0.000000001'],
    ['0.00999', '$0.01'],
    ['0.0099', '$0.0099'],
    ['1.005', '$1.01'],
    ['1.004999999', '$1.00'],
    ['0.999', '$1.00'],
    ['-1.5', '-$1.50'],
    ['-0.0004', '-$0.0004'],
  ]
  for (const [decimal, text] of cases)
    expect(formatUsd(nanoFromDecimalString(decimal)), decimal).toBe(text)
  expect(formatUsd(nanoFromDecimalString('0.125'), { exact: true })).toBe('$0.125')
  expect(formatUsd(nanoFromDecimalString('2'), { exact: true })).toBe('$2.00')
  expect(formatUsd(nanoFromDecimalString('300'), { minDecimals: 0 })).toBe('$300')
})

test('an amount above zero never reads as nothing', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: MAX_NANO_USD / 2n }), (nano) =>
      /[1-9]/.test(formatUsd(nano)),
    ),
  )
})
