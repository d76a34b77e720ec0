/**
 * `npm test`: everything there is to check, as one run. What reads the source runs beside the build
 * and the tests, journeys run alone. Whatever fails, the rest still runs; the time of each stage is
 * told, and the last line says how much passed and how much failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildOnce, generateOnce } from '../simulators/build-once'
import { findOrInstallChromium } from './chromium'

type Tally = { passed: number; failed: number }
type Output = 'shown' | 'kept'
type Stage = { name: string; run: (output: Output) => Promise<Tally> }

const reports = mkdtempSync(path.join(tmpdir(), 'keymint-test-'))
const bin = (file: string) => path.resolve('node_modules', file)

const first: Stage[] = [{ name: 'generate', run: () => done(generateOnce()) }]
const reading: Stage[] = [
  { name: 'types', run: (output) => one([bin('typescript/bin/tsc'), '--noEmit'], output) },
  {
    name: 'lint',
    run: (output) => one([bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0'], output),
  },
  {
    name: 'format',
    run: (output) => one([bin('prettier/bin/prettier.cjs'), '--check', '.'], output),
  },
  { name: 'words of the pages', run: (output) => one(['eslint.words.js'], output) },
  { name: 'unused code', run: (output) => one([bin('knip/bin/knip.js')], output) },
  {
    name: 'workshop files',
    run: (output) =>
      one(
        ['--import', 'tsx', 'app/cli/workshops-check.ts', 'workshops', 'simulators/workshops'],
        output,
      ),
  },
]
const working: Stage[] = [
  { name: 'build', run: () => done(buildOnce()) },
  { name: 'unit and integration tests', run: runVitest },
]
const last: Stage[] = [{ name: 'journeys in a browser', run: runJourneys }]

const start = Date.now()
const total: Tally = { passed: 0, failed: 0 }
const rows: string[] = []
await runInOrder(first, 'shown')
await Promise.all([runInOrder(reading, 'kept'), runInOrder(working, 'shown')])
await runInOrder(last, 'shown')
rmSync(reports, { recursive: true, force: true })
process.stdout.write(
  `\n${rows.join('\n')}\nall of it: ${seconds(start)}\n${total.passed} passed, ${total.failed} failed\n`,
)
process.exitCode = total.failed === 0 ? 0 : 1

async function runInOrder(stages: Stage[], output: Output): Promise<void> {
  for (const { name, run } of stages) {
    if (output === 'shown') process.stdout.write(`\n=== ${name}\n`)
    const startedAt = Date.now()
    const tally = await run(output).catch((error: unknown): Tally => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      return { passed: 0, failed: 1 }
    })
    total.passed += tally.passed
    total.failed += tally.failed
    const word = tally.failed === 0 ? 'ok    ' : 'FAILED'
    rows.push(
      `${word}  ${name}: ${tally.passed} passed, ${tally.failed} failed (${seconds(startedAt)})`,
    )
  }
}

async function runVitest(output: Output): Promise<Tally> {
  const report = path.join(reports, 'tests.json')
  const code = await node(
    [
      bin('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    output,
  )
  const { numPassedTests = 0, numFailedTests = 0 } = read<{
    numPassedTests: number
    numFailedTests: number
  }>(report)
  return neverSilent(code, { passed: numPassedTests, failed: numFailedTests })
}

async function runJourneys(output: Output): Promise<Tally> {
  const report = path.join(reports, 'journeys.json')
  const chromium = findOrInstallChromium()
  const code = await node(
    [
      bin('@playwright/test/cli.js'),
      'test',
      '--config',
      'e2e/playwright.config.ts',
      '--reporter=list,json',
    ],
    output,
    { CHROMIUM_PATH: chromium, PLAYWRIGHT_JSON_OUTPUT_FILE: report },
  )
  const { stats } = read<{ stats: { expected: number; unexpected: number; flaky: number } }>(report)
  return neverSilent(code, {
    passed: stats?.expected ?? 0,
    failed: (stats?.unexpected ?? 0) + (stats?.flaky ?? 0),
  })
}

/** A file that could not be loaded or a crash is no failed test, and must count as one. */
function neverSilent(code: number, tally: Tally): Tally {
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
}

async function done(work: Promise<unknown>): Promise<Tally> {
  await work
  return { passed: 1, failed: 0 }
}

async function one(args: string[], output: Output): Promise<Tally> {
  return (await node(args, output)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** Runs to the end and gives the exit code. Output that is kept comes whole, after the end. */
function node(args: string[], output: Output, more: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve) => {
    const stream = output === 'shown' ? 'inherit' : 'pipe'
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', stream, stream],
      env: { ...process.env, ...more },
    })
    let printed = ''
    for (const pipe of [child.stdout, child.stderr])
      pipe?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    const end = (code: number) => {
      process.stdout.write(printed)
      resolve(code)
    }
    child.once('error', (error) => {
      printed += `${error.message}\n`
      end(1)
    })
    child.once('close', (code) => end(code ?? 1))
  })
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`
}

function read<Report>(file: string): Partial<Report> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>
  } catch {
    return {}
  }
}
