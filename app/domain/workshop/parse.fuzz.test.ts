import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mulberry32 } from '../../../tests/rng'
import { rounds } from '../../../tests/rounds'
import { parseWorkshopFile } from './parse'

const FOLDER = join(import.meta.dirname, '../../../simulators/workshops')
const RUNS = Number(import.meta.env.FUZZ_RUNS ?? rounds(2_000))
const SEED = Number(import.meta.env.FUZZ_SEED ?? 20_260_414)

type Rng = { below: (max: number) => number; pick: <T>(items: readonly T[]) => T }

function rngFrom(seed: number): Rng {
  const random = mulberry32(seed)
  const below = (max: number) => Math.floor(random() * max)
  return { below, pick: <T>(items: readonly T[]) => items[below(items.length)] as T }
}

const NASTY_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  '<<',
  '? [a]',
  '""',
  'a b',
  '\u0000',
  'title',
]
const LINES = ['a:\n', '- a\n', '\n', '# x\n', '%a\n', '---\n', 'a: |\n', '\t\n', ' a: b\n']
const NASTY_VALUES = [
  '',
  '~',
  '[]',
  '{}',
  '[[]]',
  '&a x',
  '*a',
  '!!int 3',
  '!<tag:x> y',
  '|',
  '>-',
  '"',
  "'",
  '\t',
  '{',
  '[',
  '-1',
  '1e999',
  '.nan',
  '0x10',
  '99999999999999999999',
  '2026-13-45T99:99:99Z',
  '2026-04-14',
  '"\\ud800"',
  '"\\0"',
  '\u202e',
  '__proto__',
  'constructor',
  '? x',
  '- - - x',
  '%',
  '@x',
  '`x',
  'https://[',
  '[a, , b]',
]

const MUTATIONS: Record<string, (text: string, rng: Rng) => string> = {
  flipByte(text, rng) {
    const bytes = new TextEncoder().encode(text)
    const at = rng.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.below(8))
    return new TextDecoder().decode(bytes)
  },
  deleteLine: (text, rng) =>
    text
      .split('\n')
      .toSpliced(rng.below(text.split('\n').length), 1)
      .join('\n'),
  doubleLine(text, rng) {
    const lines = text.split('\n')
    return lines.toSpliced(rng.below(lines.length), 0, rng.pick(lines)).join('\n')
  },
  swapLines(text, rng) {
    const lines = text.split('\n')
    const [a, b] = [rng.below(lines.length), rng.below(lines.length)]
    return lines
      .with(a, lines[b] ?? '')
      .with(b, lines[a] ?? '')
      .join('\n')
  },
  swapKeys: (text, rng) =>
    withTwo(text, rng, ([keyA, valueA], [keyB, valueB]) => [
      `${keyB}:${valueA}`,
      `${keyA}:${valueB}`,
    ]),
  swapValues: (text, rng) =>
    withTwo(text, rng, ([keyA, valueA], [keyB, valueB]) => [
      `${keyA}:${valueB}`,
      `${keyB}:${valueA}`,
    ]),
  nastyValue: (text, rng) =>
    withTwo(text, rng, ([key], [keyB, valueB]) => [
      `${key}: ${rng.pick(NASTY_VALUES)}`,
      `${keyB}:${valueB}`,
    ]),
  nastyKey: (text, rng) => `${text}\n${rng.pick(NASTY_KEYS)}: ${rng.pick(NASTY_VALUES)}`,
  cutOff: (text, rng) => text.slice(0, rng.below(text.length)),
  insertJunk(text, rng) {
    const at = rng.below(text.length)
    return (
      text.slice(0, at) +
      rng.pick([...NASTY_VALUES, '\r', '\n---\n', '\n...\n', ': ', ' #', '\u2028', '\ufeff']) +
      text.slice(at)
    )
  },
  nestDeep: (text, rng) =>
    `${text}\nvenue: ${rng
      .pick(['[', '{a: ', '- ', '? ', '[?', '{', '"', '!a ', '&a ', '*a ', ']', "'a': "])
      .repeat(rng.pick([5, 500, 3000, 14_000]))
      .slice(0, 14_500)}`,
  aliasBomb(text, rng) {
    const rows = Array.from(
      { length: 3 + rng.below(20) },
      (_, row) =>
        `x${row}: &x${row} [${Array.from({ length: 9 }, () => (row === 0 ? 'lol' : `*x${row - 1}`)).join(', ')}]`,
    )
    return `${rows.join('\n')}\n${text}`
  },
  manyLines: (text, rng) => `${text}\n${rng.pick(LINES).repeat(2500)}`.slice(0, 16_000),
}

function withTwo(
  text: string,
  rng: Rng,
  change: (a: [string, string], b: [string, string]) => [string, string],
): string {
  const lines = text.split('\n')
  const fields = lines
    .map((line, index) => ({ index, match: /^(\w+):(.*)$/.exec(line) }))
    .filter((found) => found.match !== null)
  if (fields.length < 2) return text
  const [a, b] = [rng.pick(fields), rng.pick(fields)]
  const parts = (found: (typeof fields)[number]): [string, string] => [
    found.match?.[1] ?? '',
    found.match?.[2] ?? '',
  ]
  const [lineA, lineB] = change(parts(a), parts(b))
  return lines.with(b.index, lineB).with(a.index, lineA).join('\n')
}

test(
  `${RUNS} mutated files are each read or refused with file and line`,
  { timeout: 120_000 },
  () => {
    const originals = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(FOLDER, name), 'utf8'))
    const names = Object.keys(MUTATIONS)
    let good = 0
    for (let run = 0; run < RUNS; run += 1) {
      const rng = rngFrom(SEED + run)
      let text = rng.pick(originals)
      const used: string[] = []
      for (let step = 0; step <= rng.below(3); step += 1) {
        const name = run < names.length ? (names[run] ?? '') : rng.pick(names)
        used.push(name)
        text = MUTATIONS[name]?.(text, rng) ?? text
      }
      const told = `FUZZ_SEED=${SEED + run} FUZZ_RUNS=1 (${used.join(', ')})`
      const parsed = parsedOrTold(text, told)
      const lineCount = text.split('\n').length
      if (parsed.ok) {
        good += 1
        expect(parsed.workshop.keyLimit > 0n, told).toBe(true)
        continue
      }
      expect(parsed.problems.length, told).toBeGreaterThan(0)
      for (const problem of parsed.problems) {
        expect(problem.file, told).toBe('workshops/fuzz.yaml')
        expect(
          problem.line >= 1 && problem.line <= lineCount,
          `${told}: line ${problem.line} of ${lineCount}`,
        ).toBe(true)
        expect(problem.field !== '' && problem.message !== '' && problem.remedy !== '', told).toBe(
          true,
        )
      }
    }
    if (RUNS >= 100) expect(good).toBeGreaterThan(0)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  },
)

function parsedOrTold(text: string, told: string): ReturnType<typeof parseWorkshopFile> {
  try {
    return parseWorkshopFile(text, 'workshops/fuzz.yaml')
  } catch (error) {
    throw new Error(`threw at ${told}`, { cause: error })
  }
}
