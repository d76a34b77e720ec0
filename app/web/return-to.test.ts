import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rounds } from '../../tests/rounds'
import { safeReturnTo } from './session.server'

const own = 'https://keys.example.org'

test.each([
  '/',
  '/me',
  '/w/duckdb-2026',
  '/w/duckdb-2026/claim?step=2',
  '/admin/audit?q=a%20b&page=3',
  '/t/blue/my-keys',
  '/docs',
  '/authors',
  '/signing',
  '/w/a%C3%A9',
])('%s is a page of ours', (path) => {
  expect(safeReturnTo(path)).toBe(path)
})

test.each([
  '/sign-in',
  '/sign-in?returnTo=/me',
  '/sign-out',
  '/auth/github',
  '/auth/github/callback?code=1&state=2',
  '/AUTH/github',
  '/x/../auth/github',
  '/%61uth/github',
  '/sign%2Din',
])('%s would lead back into signing in', (path) => {
  expect(safeReturnTo(path)).toBe('/')
})

const host = 'evil.test'
const hostile = [
  // No path at all, and every scheme.
  '',
  ' ',
  '?',
  '#',
  '.',
  '..',
  './',
  '../',
  host,
  `www.${host}`,
  `@${host}`,
  `:${host}`,
  `.${host}`,
  `;//${host}`,
  ...[
    'http',
    'https',
    'HTTPS',
    'ftp',
    'ws',
    'wss',
    'file',
    'blob:https',
    'view-source:https',
    'feed:https',
  ].flatMap((scheme) => [
    `${scheme}://${host}`,
    `${scheme}:${host}`,
    `${scheme}:/${host}`,
    `${scheme}:\\\\${host}`,
    ` ${scheme}://${host}`,
  ]),
  ...[
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    ' javascript:alert(1)',
    'javascript://%0aalert(1)',
    'vbscript:x',
    'data:text/html,<script>alert(1)</script>',
    'data:text/html;base64,PHNjcmlwdD4=',
    'mailto:a@b.c',
    'tel:1',
    'about:blank',
  ],
  // Slashes, backslashes and mixtures, before and after a plain "/".
  ...[
    '//',
    '///',
    '////',
    '/\\',
    '\\/',
    '\\\\',
    '\\',
    '/\\/',
    '//\\',
    '/\\\\',
    '\\//',
    '/ /',
    '/\t/',
    '/\n/',
    '/\r/',
    '/\r\n/',
    '/\u0000/',
    '/\u000b/',
    '/\u000c/',
    '\t//',
    '\n//',
    '\r//',
    ' //',
    '\u0000//',
    '\ufeff//',
    '\u00a0//',
    '\u2028//',
    '/\u00a0/',
    '/\u200b/',
    '/\ufeff/',
  ].flatMap((start) => [`${start}${host}`, `${start}${host}/me`, `${start}user:pass@${host}`]),
  // Dot segments that leave two slashes at the start.
  ...[
    '/.//',
    '/..//',
    '/././/',
    '/./..//',
    '/a/..//',
    '/a/b/../..//',
    '/%2e//',
    '/%2E%2e//',
    '/%2e%2e//',
    '/.%2e//',
    '/a/%2e%2e//',
    '/./\\',
    '/..\\/',
    '/.//\\',
  ].map((start) => `${start}${host}`),
  // Encoded once, twice and three times.
  ...[
    '%2f%2f',
    '%2F%2F',
    '/%2f',
    '/%2F',
    '/%5c',
    '/%5C',
    '%5c%5c',
    '/%09/',
    '/%0a/',
    '/%0d/',
    '/%0d%0a/',
    '/%00/',
    '/%0b/',
    '/%1f/',
    '/%7f/',
    '/%252f',
    '/%252F%252F',
    '/%25252f',
    '/%255c',
    '/%2509/',
    '/%250d%250a',
    '/%E2%80%A8%0a/',
    '/%5c%2f',
    '/%2f%5c',
  ].map((start) => `${start}${host}`),
  // Slashes that only look like one.
  ...[
    '\u2044',
    '\u2215',
    '\u29f8',
    '\uff0f',
    '\u3033',
    '\u2571',
    '\uff3c',
    '\u2216',
    '\u29f5',
    '\ufe68',
    '\u1735',
    '\u0337',
    '\u3002',
    '\uff0e',
  ].flatMap((slash) => [`/${slash}${host}`, `${slash}${slash}${host}`]),
  // A second header, a second response.
  `/me\r\nSet-Cookie: session=evil`,
  `/me\nLocation: https://${host}`,
  `/me%0d%0aSet-Cookie:%20session=evil`,
  `/me?x=%0d%0aLocation:%20https://${host}`,
  `/me?x=%0aLocation:${host}`,
  '/me\u0000',
  '/me%00',
  '/me%u000d',
  `/me?x=%1b`,
  '/me\u560d\u560a',
  '/me%25%30%64',
  // Malformed, too long, not text, not ASCII.
  '/%',
  '/%zz',
  '/%c0%af',
  '/%ff',
  '/%e0%80%af',
  `/${'a'.repeat(1024)}`,
  '/é',
  '/\u202e',
  '/\ud800',
  '/a b',
  '/me "x"',
]

test('there are 200 hostile payloads or more, no two alike', () => {
  expect(new Set(hostile).size).toBe(hostile.length)
  expect(hostile.length).toBeGreaterThanOrEqual(200)
})

test.each(hostile.map((payload) => [payload]))('%j leads to the start page', (payload) => {
  expect(safeReturnTo(payload)).toBe('/')
})

test.each([undefined, null, 1, {}, ['/me'], new File([], 'x')])(
  '%j is not text and leads to the start page',
  (value) => {
    expect(safeReturnTo(value)).toBe('/')
  },
)

test('no text at all leaves the origin, however it is put together', () => {
  const piece = fc.constantFrom(
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    '%25',
    '%09',
    '%0d%0a',
    '\t',
    '\r\n',
    ' ',
    '@',
    ':',
    '?',
    '#',
    'evil.test',
    'https:',
    'javascript:',
    'me',
    '\uff0f',
    '\u2215',
    '[',
    ']',
    ';',
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`),
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
  )
  fc.assert(
    fc.property(text, (given) => {
      const path = safeReturnTo(given)
      expect(path).toMatch(/^\/(?![/\\])[\x21-\x7e]*$/)
      const url = new URL(path, own)
      expect(url.origin).toBe(own)
      expect(url.pathname).not.toMatch(/^\/[/\\]/)
      // What has passed once passes again unchanged: it may travel through several redirects.
      expect(safeReturnTo(path)).toBe(path)
    }),
    { numRuns: rounds(20_000) },
  )
})
