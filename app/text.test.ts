import { expect, test } from 'vitest'
import { asSentence, cut, visible } from './text'

test('text is cut between characters, never inside one', () => {
  expect([cut('key🔑', 3), cut('key🔑', 4), cut('key🔑', 5), cut('', 5)]).toEqual([
    'key',
    'key',
    'key🔑',
    '',
  ])
})

test('half a character that came in is replaced, so that the database takes the text', () => {
  expect(cut('a\uD83D b\uDD11', 10)).toBe('a\uFFFD b\uFFFD')
  expect(cut('a\uD83D', 10).isWellFormed()).toBe(true)
})

test('what turns the direction of a page, and names of nothing, are taken out', () => {
  expect(visible('Ada \u202E05.01 \u2066x')).toBe('Ada  05.01  x')
  expect(visible(' two\nlines\u0007 ')).toBe('two\nlines')
  expect(['\u200B\u200D', '\u3164', '\u2800 \u00AD', ' '].map(visible)).toEqual(['', '', '', ''])
  expect(visible('👩‍👩‍👧 फ़')).toBe('👩‍👩‍👧 फ़')
})

test('a sentence that somebody typed ends before the next one begins', () => {
  expect(
    ['We move upstairs', 'We move upstairs. ', 'Why?', '(A pause.)', 'See “the slides”'].map(
      asSentence,
    ),
  ).toEqual(['We move upstairs.', 'We move upstairs.', 'Why?', '(A pause.)', 'See “the slides”.'])
})
