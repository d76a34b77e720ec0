import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  firstProblem,
  parseFields,
  requiredLine,
  requiredText,
  usdAmount,
} from './parse-form.server'

const read = (field: z.ZodType<unknown, string>, text: string | null) => {
  const form = parseFields(
    z.object({ field }),
    new URLSearchParams(text === null ? {} : { field: text }),
  )
  return form.ok ? form.value.field : form.problems.field
}

test('dollars are read exactly, and anything else is refused', () => {
  expect(
    ['12', '12.5', ' 12.50 ', '0.01', '1000000'].map((text) => read(usdAmount('bad'), text)),
  ).toEqual([
    12_000_000_000n,
    12_500_000_000n,
    12_500_000_000n,
    10_000_000n,
    1_000_000_000_000_000n,
  ])
  expect(
    ['', '0', '-1', '1e3', '1,5', '0.001', '1000000.01', 'NaN', '12$', null].map((text) =>
      read(usdAmount('bad'), text),
    ),
  ).toEqual(Array(10).fill('bad'))
  expect(read(usdAmount('bad', { orZero: true }), '0')).toBe(0n)
})

test('text that is only spaces, too long or missing is refused', () => {
  expect(
    ['  a  ', '   ', 'abcd', null, 'a\0b'].map((text) =>
      read(requiredText(3, 'none', 'long'), text),
    ),
  ).toEqual(['a', 'none', 'long', 'none', 'a b'])
})

test('a name is on one line, whatever was typed into it', () => {
  expect(
    ['Data\r\nBcc: all@example.org', 'a\t b', ' \n ', 'a\u2028b'].map((text) =>
      read(requiredLine(40, 'none'), text),
    ),
  ).toEqual(['Data Bcc: all@example.org', 'a b', 'none', 'a b'])
})

test('the first field that failed is named by its code, in the order of the schema', () => {
  const schema = z.object({ name: requiredText(3, 'no-name'), cap: usdAmount('bad-cap') })
  const form = parseFields(schema, new URLSearchParams('cap=x'))
  if (form.ok) throw new Error('the form should be refused')
  expect(firstProblem(form, { 'bad-cap': 1, 'no-name': 1 })).toBe('no-name')
  expect(() => firstProblem(form, { 'bad-cap': 1 })).toThrow('no-name')
})
