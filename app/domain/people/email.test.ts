import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../../tests/rounds'
import { asciiLowerCase } from '../ascii'
import { normalizeEmail } from './email'

test.each([
  ['Ada@Example.org', 'ada@example.org'],
  ['  ada@example.org\n', 'ada@example.org'],
  ['ada@EXAMPLE.ORG.', 'ada@example.org'],
  ['Ada.Lovelace+duckdb@GMail.com', 'adalovelace@gmail.com'],
  ['a.d.a@googlemail.com', 'ada@gmail.com'],
  ['ada+x+y@gmail.com', 'ada@gmail.com'],
  ['ada@Bücher.example', 'ada@xn--bcher-kva.example'],
  ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
  ['ada@ｇｍａｉｌ.com', 'ada@gmail.com'],
  ["o'brien@example.org", "o'brien@example.org"],
])('%j is the mailbox %j', (given, expected) => {
  expect(normalizeEmail(given)).toBe(expected)
})

test.each([
  '',
  '@',
  'ada',
  'ada@',
  '@example.org',
  'a b@example.org',
  'a@b@example.org',
  'ada@exa mple.org',
  'ada@a/b',
  'ada@%67mail.com',
  'ada@[::1]',
  'ada@gmail.com:80',
  'ada@a..b',
  '+tag@gmail.com',
  '...@gmail.com',
  'a\u0000da@example.org',
  'a\u200Bda@example.org',
  `${'a'.repeat(400)}@example.org`,
])('%j is no address', (given) => {
  expect(normalizeEmail(given)).toBeNull()
})

test.each([
  // The Kelvin sign is a "k" to toLowerCase() and to NFC: a takeover by a look-alike.
  ['mi\u212Ae@example.org', 'mike@example.org'],
  ['mi\u212Ae@gmail.com', 'mike@gmail.com'],
  ['ada.l@example.org', 'adal@example.org'],
  ['ada+x@example.org', 'ada@example.org'],
  ['ada@gmail.com.evil.example', 'ada@gmail.com'],
  ['ada@notgmail.com', 'ada@gmail.com'],
])('%j and %j stay two people', (one, other) => {
  expect(normalizeEmail(one)).not.toBe(normalizeEmail(other))
})

const word = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/)
const local = fc.array(word, { minLength: 1, maxLength: 4 }).map((atoms) => atoms.join('.'))
const domain = fc
  .tuple(word, fc.constantFrom('org', 'example', 'co.uk'))
  .map(([name, top]) => `x${name}.${top}`)

test('normalising twice changes nothing more, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.emailAddress(),
        fc.tuple(fc.string({ unit: 'grapheme' }), domain).map((parts) => parts.join('@')),
      ),
      (text) => {
        const once = normalizeEmail(text)
        if (once !== null) expect(normalizeEmail(once)).toBe(once)
      },
    ),
    { numRuns: rounds(2_000) },
  )
})

test('dots, tags, case and googlemail never make a second Gmail mailbox', () => {
  fc.assert(
    fc.property(
      local,
      word,
      fc.constantFrom('gmail.com', 'GoogleMail.com', 'GMAIL.COM'),
      (name, tag, host) => {
        const plain = normalizeEmail(`${name.replaceAll('.', '')}@gmail.com`)
        expect(plain).not.toBeNull()
        expect(normalizeEmail(`${name.toUpperCase()}+${tag}@${host}`)).toBe(plain)
      },
    ),
  )
})

test('elsewhere only the case of A to Z is folded', () => {
  fc.assert(
    fc.property(local, domain, local, (one, host, other) => {
      const same = asciiLowerCase(one) === asciiLowerCase(other)
      expect(normalizeEmail(`${one}@${host}`) === normalizeEmail(`${other}@${host}`)).toBe(same)
    }),
  )
})

test('no character outside ASCII ever becomes one inside it before the @', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0x80, max: 0x1ffff }).filter((code) => code < 0xd800 || code > 0xdfff),
      (code) => {
        const normalized = normalizeEmail(`a${String.fromCodePoint(code)}b@example.org`)
        if (normalized !== null)
          expect(normalized).toBe(`a${String.fromCodePoint(code)}b@example.org`)
      },
    ),
    { numRuns: rounds(5_000) },
  )
})
