/** The list of words that are not used: it finds them where people meet them, and nowhere else. */
import { Linter } from 'eslint'
import { parser } from 'typescript-eslint'
import { expect, test } from 'vitest'
import { checkPage, wordsPlugin } from '../eslint.words.js'

const linter = new Linter({ cwd: process.cwd() })
const found = (code: string, file = 'app/routes/example.tsx') =>
  linter
    .verify(
      code,
      {
        files: ['**/*.{ts,tsx}'],
        languageOptions: {
          parser,
          parserOptions: { ecmaFeatures: { jsx: true } },
        },
        plugins: { house: wordsPlugin },
        rules: { 'house/words': 'error' },
      },
      file,
    )
    .map(({ message }) => /“(.*?)”/.exec(message)?.[1] ?? message)

test('a name is looked at in its parts, where it is declared', () => {
  expect(found('const mostPerPass = 3')).toEqual(['mostPerPass'])
  expect(found('export type A = { stateWords: string }')).toEqual(['stateWords'])
  expect(found('const passwords = 1, almostThere = 2, prefix = 3')).toEqual([])
  expect(found("import { words } from './a'\nexport const b = words.length")).toEqual([])
  expect(found('export const read = ({ words }: A) => words')).toEqual([])
  expect(found('export {}', 'app/components/claim/claim-words.ts')).toEqual(['claim-words'])
})

test('a sentence is found in strings, templates, JSX and attributes, also across lines', () => {
  expect(found("const a = 'The provider had trouble.'")).toEqual(['trouble'])
  expect(found('const a = `It is tried ${n} times, and tried\n again by itself.`')).toEqual([
    'tried again by itself',
  ])
  expect(found('const a = <p>Your claim is\n    written down.</p>')).toHaveLength(2)
  expect(found('const a = <A label="Not struck yet" />')).toContain('Not struck yet')
  expect(found("const a = 'Take off'")).toEqual(['Take off'])
  expect(found("const a = 'Take offence, if you must'")).toEqual([])
})

test('SQL, class names, code in backticks and names of jobs are left alone', () => {
  expect(found("sql`select figures from keymint.figures where words = 'trouble'`")).toEqual([])
  expect(found("client.query('select figures from keymint.figures')")).toEqual([])
  expect(found('const a = <p className="bg-amber-soft text-brick-ink door">x</p>')).toEqual([])
  expect(found("enqueue(tx, 'tidy-readings')")).toEqual([])
  expect(found('// `upstream-trouble` stands in old rows.\nexport {}')).toEqual([])
})

test('comments are read as sentences, line after line', () => {
  expect(found('// What is lost is\n// a pity.\nexport {}')).toEqual(['a pity'])
  expect(found('/**\n * Nobody waits, all the\n * same.\n */\nexport {}')).toEqual(['all the same'])
})

test('a heading has no full stop', () => {
  expect(found('const a = <h1>Your key is ready.</h1>')).toEqual(['A heading has no full stop.'])
  expect(found('const a = <Callout title="It takes longer." />')).toEqual([
    'A heading has no full stop.',
  ])
  expect(
    found("const a = { title: late ? 'Claims have closed.' : `Open in ${n} s.` }"),
  ).toHaveLength(2)
  expect(found('const a = <h2>Working…</h2>')).toEqual([])
})

test('staff read of minting, people at a workshop do not', () => {
  const code = "const a = 'Minting is paused'"
  expect(found(code, 'app/routes/admin.queue._index.tsx')).toEqual([])
  expect(found(code, 'app/routes/w.$workshop._index.tsx')).toEqual(['Minting'])
})

test('pages are read without their code', () => {
  expect(checkPage('a.md', '# All is well.\n')).toEqual(['a.md:1 A heading has no full stop.'])
  expect(checkPage('a.md', '```sh\ntidy\n```\n\nSee `tidy` and [it](tidy.md).\n')).toEqual([])
  expect(checkPage('a.md', 'One\n\nWe tidy.\n')).toEqual([
    'a.md:3 “tidy” is not used here. Instead: retention, cleanup',
  ])
  expect(checkPage('w.yaml', '# the doors\ntitle: "Evals"\n')).toHaveLength(1)
})
