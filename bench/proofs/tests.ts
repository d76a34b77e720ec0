/**
 * Proofs that are tests: those that repeat themselves by tests/rounds.ts, in full, and the image's
 * steps in a clean folder, and an operator's trial of the guide. A test is a line.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Count, Proof } from './proof'

export const testProofs: Proof[] = [
  { name: 'walks', run: () => runTests('vitest.config.ts', filesWithRounds()) },
  { name: 'image', run: () => runTests('e2e/image/vitest.config.ts', ['e2e/image']) },
  { name: 'trial', run: () => runTests('e2e/image/vitest.config.ts', ['e2e/operator']) },
]

/** Every test that imports tests/rounds.ts, from wherever it stands. */
export function filesWithRounds(): string[] {
  return globSync('{app,jobs,simulators,prisma,bench,tests}/**/*.test.ts').filter((file) =>
    /^import \{[^}]*\b(rounds|runsInFull)\b[^}]*\} from '[^']*\/rounds'/m.test(
      readFileSync(file, 'utf8'),
    ),
  )
}

type Report = {
  testResults: {
    name: string
    status: string
    assertionResults: { title: string; status: string; duration?: number | null }[]
  }[]
}

async function runTests(config: string, files: string[]): Promise<Count[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-proofs-'))
  const report = path.join(folder, 'report.json')
  try {
    const child = spawn(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--config',
        config,
        '--reporter=dot',
        '--reporter=json',
        `--outputFile.json=${report}`,
        ...files,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, KEYMINT_FULL: 'true' } },
    )
    await once(child, 'exit')
    return countsOf(JSON.parse(readFileSync(report, 'utf8')) as Report)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function countsOf({ testResults }: Report): Count[] {
  return testResults.flatMap((file): Count[] => {
    const name = path.relative(process.cwd(), file.name)
    // A file that could not be loaded has no test that failed.
    if (file.assertionResults.length === 0) return [{ what: name, tried: 1, failed: 1 }]
    return file.assertionResults.map((test) => ({
      what: `${name}: ${test.title}`,
      tried: 1,
      failed: test.status === 'passed' ? 0 : 1,
      worstSeconds: (test.duration ?? 0) / 1000,
    }))
  })
}
