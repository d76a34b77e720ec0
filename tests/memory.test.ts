/** The heap that a process may use fits the machine that it runs on. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const heapOf = (text: string) => Number(/--max-old-space-size=(\d+)/.exec(text)?.[1])

test('fly.toml and the image allow half of the smallest machine as heap', () => {
  const fly = readFileSync('fly.toml', 'utf8')
  const machines = [...fly.matchAll(/^ {2}memory = "(\d+)mb"$/gm)].map(([, mb]) => Number(mb))
  expect(machines).toHaveLength(2)
  expect(heapOf(fly)).toBe(Math.min(...machines) / 2)
  expect(heapOf(readFileSync('Dockerfile', 'utf8'))).toBe(heapOf(fly))
})
