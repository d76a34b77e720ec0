/**
 * `npm test`: everything there is to check, in order, as one run. Whatever fails, the rest still
 * runs, and the last line says how much passed and how much failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findOrInstallChromium } from './chromium'

type Tally = { passed: number; failed: number }
type Stage = { name: string; run: () => Promise<Tally> }

const reports = mkdtempSync(path.join(tmpdir(), 'keymint-test-'))
const bin = (file: string) => path.resolve('node_modules', file)
// A file that exists: without it, Prisma's command line would try to download an engine.
const environment = {
  ...process.env,
  PRISMA_SCHEMA_ENGINE_BINARY:
    process.env.PRISMA_SCHEMA_ENGINE_BINARY ?? path.resolve('prisma/schema-engine.mjs'),
}

const stages: Stage[] = [
  { name: 'generate', run: () => one(['node_modules/prisma/build/index.js', 'generate']) },
  { name: 'types', run: () => one([bin('typescript/bin/tsc'), '--noEmit']) },
  { name: 'lint', run: () => one([bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0']) },
  { name: 'words of the pages', run: () => one(['eslint.words.js']) },
  { name: 'workshop files', run: () => one(['--import', 'tsx', 'app/cli/workshops-check.ts']) },
  { name: 'unit and integration tests', run: () => runVitest('vitest.config.ts') },
  { name: 'build', run: () => npmRun('build') },
  {
    name: 'the image’s steps in a clean folder',
    run: () => runVitest('e2e/image/vitest.config.ts'),
  },
  { name: 'journeys in a browser', run: runJourneys },
]

const total: Tally = { passed: 0, failed: 0 }
const rows: string[] = []
for (const stage of stages) {
  process.stdout.write(`\n=== ${stage.name}\n`)
  const start = Date.now()
  const tally = await stage.run().catch((error: unknown): Tally => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return { passed: 0, failed: 1 }
  })
  total.passed += tally.passed
  total.failed += tally.failed
  rows.push(
    `${tally.failed === 0 ? 'ok    ' : 'FAILED'}  ${stage.name}: ${tally.passed} passed, ${tally.failed} failed (${((Date.now() - start) / 1000).toFixed(1)} s)`,
  )
}
rmSync(reports, { recursive: true, force: true })
process.stdout.write(`\n${rows.join('\n')}\n${total.passed} passed, ${total.failed} failed\n`)
process.exitCode = total.failed === 0 ? 0 : 1

async function runVitest(config: string): Promise<Tally> {
  const report = path.join(reports, `${config.replaceAll('/', '-')}.json`)
  const code = await node([
    bin('vitest/vitest.mjs'),
    'run',
    '--config',
    config,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  const { numPassedTests = 0, numFailedTests = 0 } = read<{
    numPassedTests: number
    numFailedTests: number
  }>(report)
  return neverSilent(code, { passed: numPassedTests, failed: numFailedTests })
}

async function runJourneys(): Promise<Tally> {
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
    { CHROMIUM_PATH: chromium, PLAYWRIGHT_JSON_OUTPUT_FILE: report },
  )
  const { stats } = read<{ stats: { expected: number; unexpected: number; flaky: number } }>(report)
  return neverSilent(code, {
    passed: stats?.expected ?? 0,
    failed: (stats?.unexpected ?? 0) + (stats?.flaky ?? 0),
  })
}

/** A file that could not be loaded or a crash is no failed test, and must count all the same. */
function neverSilent(code: number, tally: Tally): Tally {
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
}

async function one(args: string[]): Promise<Tally> {
  return tallyOf(await node(args))
}

function node(args: string[], more: Record<string, string> = {}): Promise<number> {
  return run(process.execPath, args, more)
}

async function npmRun(script: string): Promise<Tally> {
  const npm = process.env.npm_execpath
  return tallyOf(
    await (npm ? run(process.execPath, [npm, 'run', script]) : run('npm', ['run', script])),
  )
}

function run(program: string, args: string[], more: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...environment, ...more },
    })
    child.once('error', (error) => {
      process.stderr.write(`${error.message}\n`)
      resolve(1)
    })
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

function tallyOf(code: number): Tally {
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

function read<Report>(file: string): Partial<Report> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>
  } catch {
    return {}
  }
}
