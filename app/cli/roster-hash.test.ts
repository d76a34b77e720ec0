/** `npm run roster:hash` as an organizer runs it: no address comes back, whatever goes in. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createRosterKeys } from '~/adapters/roster-hash.server'

const key = randomBytes(32)

function rosterHash(
  args: string[],
  input: string,
  env: Record<string, string> = { ROSTER_KEY: key.toString('base64') },
): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'app/cli/roster-hash.ts', ...args], {
      env: { PATH: process.env.PATH, NODE_ENV: 'test', ...env },
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => (err += text.toString()))
    child.once('close', (code) => resolve({ code, out, err }))
    child.stdin.on('error', () => undefined).end(input)
  })
}

test('addresses come out as the deployment looks them up, each once, in no order of theirs', async () => {
  const made = await rosterHash(
    ['duckdb'],
    '# list\nAda@Example.org\nada@example.ORG\nb.o.b@gmail.com\n',
  )
  const keys = createRosterKeys({ own: [key], others: [] })
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(
    made.out
      .split('\n')
      .filter((line) => line.startsWith('  - '))
      .sort(),
  ).toEqual(
    [keys.of('duckdb', 'ada@example.org'), keys.of('duckdb', 'bob@gmail.com')]
      .map((hash) => `  - ${hash}`)
      .sort(),
  )
  expect(keys.of('other', 'ada@example.org')).not.toBe(keys.of('duckdb', 'ada@example.org'))
})

test('a line without an address, a missing key and a wrong slug are said, and nothing is printed', async () => {
  const wrong = await Promise.all([
    rosterHash(['duckdb'], 'ada@example.org\nAda Lovelace <ada@example.org>\n'),
    rosterHash(['duckdb'], 'ada@example.org\n', {}),
    rosterHash(['duckdb'], 'ada@example.org\n', { ROSTER_KEY: 'short' }),
    rosterHash([], 'ada@example.org\n'),
    rosterHash(['duckdb'], ''),
  ])
  expect(wrong.map(({ code }) => code)).toEqual([1, 2, 2, 2, 1])
  expect(wrong[0]?.err).toContain('line 2')
  expect(wrong[1]?.err).toContain('ROSTER_KEY is missing')
  expect(wrong.map(({ out }) => out).join('')).toBe('')
  expect(wrong.map(({ err }) => err).join('')).not.toContain('ada@')
})
