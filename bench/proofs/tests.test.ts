/** The proof of the heavy tests misses none of them. */
import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { filesWithRounds } from './tests'

test('each test that repeats itself by rounds is a part of the proof', () => {
  const found = filesWithRounds()
  expect(found).toContain('tests/odd-values.test.ts')
  const users = globSync('*/**/*.test.ts', {
    exclude: (name) => name === 'node_modules' || name === 'build',
  }).filter((file) => /\/rounds'$/m.test(readFileSync(file, 'utf8')))
  expect([...found].sort()).toEqual(users.sort())
})
