/**
 * .env.example against the schema of env.server.ts: whoever adds a variable describes it, whoever
 * removes one takes its words along.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readEnv, type Env } from './env.server'

const example = readFileSync('.env.example', 'utf8')
const schema =
  /const envSchema = z\.object\(\{\n(.*?)\n\}\)/s.exec(
    readFileSync('app/env.server.ts', 'utf8'),
  )?.[1] ?? ''

const schemaNames = [...schema.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name)
const filledIn: Record<string, string> = {
  ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
  SESSION_SECRET: 'x'.repeat(64),
}
// An optional variable stands there as a comment, so that a copy of the file starts with the
// defaults.
const lines = [...example.matchAll(/^(# )?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
  ([, optional, name = '', value = '']) => ({ name, value, optional: optional !== undefined }),
)

test('every variable of the schema stands in .env.example once, and nothing else does', () => {
  expect(schemaNames.length).toBeGreaterThan(20)
  expect(lines.map((line) => line.name).sort()).toEqual(schemaNames.sort())
})

test('a copy of .env.example with a value for what it leaves empty starts, and with the optional ones too', () => {
  const valuesOf = (wanted: typeof lines) =>
    Object.fromEntries(
      wanted.map(({ name, value }) => [name, value || filledIn[name] || 'filled-in']),
    )
  expect(() => readEnv(valuesOf(lines.filter((line) => !line.optional)))).not.toThrow()
  expect(() =>
    readEnv(valuesOf(lines.filter((line) => !line.optional || line.value !== ''))),
  ).not.toThrow()
})

test('what an optional line shows is the default, where there is one', () => {
  const required = Object.fromEntries(
    lines
      .filter((line) => !line.optional)
      .map(({ name, value }) => [name, value || filledIn[name] || 'filled-in']),
  )
  const defaults = readEnv(required)
  const shown = lines.filter(
    ({ name, value, optional }) =>
      optional && value !== '' && defaults[name as keyof Env] !== undefined,
  )
  expect(shown.length).toBeGreaterThan(8)
  for (const { name, value } of shown)
    expect(readEnv({ ...required, [name]: value }), name).toEqual(defaults)
})

test('no secret stands in .env.example', () => {
  const withValue = lines.filter(
    ({ name, value }) => value !== '' && /SECRET|_KEY$|TOKEN$/.test(name),
  )
  expect(withValue).toEqual([])
})
