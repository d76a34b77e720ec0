import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mulberry32 } from '../../../tests/rng'
import { rounds } from '../../../tests/rounds'
import { parseWorkshopFile } from './parse'

const FOLDER = join(import.meta.dirname, '../../../workshops')
const RUNS = Number(import.meta.env.FUZZ_RUNS ?? rounds(2_000))
const SEED = Number(import.meta.env.FUZZ_SEED ?? 20_260_414)
const MOST_MS = 200

type Dice = { below: (max: number) => number; pick: <T>(items: readonly T[]) => T }

function diceFrom(seed: number): Dice {
  const random = mulberry32(seed)
  const below = (max: number) => Math.floor(random() * max)
  return { below, pick: <T>(items: readonly T[]) => items[below(items.length)] as T }
}

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

const MUTATIONS: Record<string, (text: string, dice: Dice) => string> = {
  flipByte(text, dice) {
    const bytes = new TextEncoder().encode(text)
    const at = dice.below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8))
    return new TextDecoder().decode(bytes)
  },
  deleteLine: (text, dice) =>
    text
      .split('\n')
      .toSpliced(dice.below(text.split('\n').length), 1)
      .join('\n'),
  doubleLine(text, dice) {
    const lines = text.split('\n')
    return lines.toSpliced(dice.below(lines.length), 0, dice.pick(lines)).join('\n')
  },
  swapLines(text, dice) {
    const lines = text.split('\n')
    const [a, b] = [dice.below(lines.length), dice.below(lines.length)]
    return lines
      .with(a, lines[b] ?? '')
      .with(b, lines[a] ?? '')
      .join('\n')
  },
  swapKeys: (text, dice) =>
    withTwo(text, dice, ([keyA, valueA], [keyB, valueB]) => [
      `${keyB}:${valueA}`,
      `${keyA}:${valueB}`,
    ]),
  swapValues: (text, dice) =>
    withTwo(text, dice, ([keyA, valueA], [keyB, valueB]) => [
      `${keyA}:${valueB}`,
      `${keyB}:${valueA}`,
    ]),
  nastyValue: (text, dice) =>
    withTwo(text, dice, ([key], [keyB, valueB]) => [
      `${key}: ${dice.pick(NASTY_VALUES)}`,
      `${keyB}:${valueB}`,
    ]),
  nastyKey: (text, dice) =>
    `${text}\n${dice.pick(['__proto__', 'constructor', 'toString', '<<', '? [a]', '""', 'a b', '\u0000', 'title'])}: ${dice.pick(NASTY_VALUES)}`,
  cutOff: (text, dice) => text.slice(0, dice.below(text.length)),
  insertJunk(text, dice) {
    const at = dice.below(text.length)
    return (
      text.slice(0, at) +
      dice.pick([...NASTY_VALUES, '\r', '\n---\n', '\n...\n', ': ', ' #', '\u2028', '\ufeff']) +
      text.slice(at)
    )
  },
  nestDeep: (text, dice) =>
    `${text}\nvenue: ${dice
      .pick(['[', '{a: ', '- ', '? ', '[?', '{', '"', '!a ', '&a ', '*a ', ']', "'a': "])
      .repeat(dice.pick([5, 500, 3000, 14_000]))
      .slice(0, 14_500)}`,
  aliasBomb(text, dice) {
    const rows = Array.from(
      { length: 3 + dice.below(20) },
      (_, row) =>
        `x${row}: &x${row} [${Array.from({ length: 9 }, () => (row === 0 ? 'lol' : `*x${row - 1}`)).join(', ')}]`,
    )
    return `${rows.join('\n')}\n${text}`
  },
  manyLines: (text, dice) =>
    `${text}\n${dice.pick(['a:\n', '- a\n', '\n', '# x\n', '%a\n', '---\n', 'a: |\n', '\t\n', ' a: b\n']).repeat(2500)}`.slice(
      0,
      16_000,
    ),
}

function withTwo(
  text: string,
  dice: Dice,
  change: (a: [string, string], b: [string, string]) => [string, string],
): string {
  const lines = text.split('\n')
  const fields = lines
    .map((line, index) => ({ index, match: /^(\w+):(.*)$/.exec(line) }))
    .filter((found) => found.match !== null)
  if (fields.length < 2) return text
  const [a, b] = [dice.pick(fields), dice.pick(fields)]
  const parts = (found: (typeof fields)[number]): [string, string] => [
    found.match?.[1] ?? '',
    found.match?.[2] ?? '',
  ]
  const [lineA, lineB] = change(parts(a), parts(b))
  return lines.with(b.index, lineB).with(a.index, lineA).join('\n')
}

test(
  `${RUNS} mutated files are each read or refused with file and line, and none takes ${MOST_MS} ms`,
  { timeout: 120_000 },
  () => {
    const originals = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(FOLDER, name), 'utf8'))
    const names = Object.keys(MUTATIONS)
    let good = 0
    for (const original of originals) parseWorkshopFile(original, 'warm-up.yaml')
    for (let run = 0; run < RUNS; run += 1) {
      const dice = diceFrom(SEED + run)
      let text = dice.pick(originals)
      const used: string[] = []
      for (let step = 0; step <= dice.below(3); step += 1) {
        const name = run < names.length ? (names[run] ?? '') : dice.pick(names)
        used.push(name)
        text = MUTATIONS[name]?.(text, dice) ?? text
      }
      const told = `FUZZ_SEED=${SEED + run} FUZZ_RUNS=1 (${used.join(', ')})`
      const parsed = timed(text, told)
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

/** The best of three where the first is slow: a busy machine is no fault of the parser. */
function timed(text: string, told: string): ReturnType<typeof parseWorkshopFile> {
  let best = Infinity
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const start = performance.now()
    let parsed: ReturnType<typeof parseWorkshopFile>
    try {
      parsed = parseWorkshopFile(text, 'workshops/fuzz.yaml')
    } catch (error) {
      throw new Error(`threw at ${told}`, { cause: error })
    }
    best = Math.min(best, performance.now() - start)
    if (best < MOST_MS) return parsed
  }
  throw new Error(`took ${best.toFixed(0)} ms at ${told}`)
}
