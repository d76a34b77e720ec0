/** A copy of the tree that mutants are written into: the tree itself is never changed. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { applied, type Mutant } from './mutant'

export type Ran =
  | { kind: 'killed'; by: string; seconds: number }
  | { kind: 'survived'; seconds: number }
  /** The database or the compiler of the tests does not even read it. */
  | { kind: 'unreadable'; seconds: number }

/** Far longer than the nearest tests take together on two cores that others use. */
const maxSeconds = 900

/** What Postgres says of a statement that is none: syntax, types, unknown names, unknown states. */
const noStatement = /\b(42601|42804|42883|42703|42P01|42P18|42P08|22P02)\b|syntax error at/

export class Scratch {
  readonly root = mkdtempSync(path.join(tmpdir(), 'keymint-mutate-'))

  constructor(
    private readonly tree: string,
    private readonly environment: Record<string, string>,
  ) {
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: tree })
    for (const file of files.toString().split('\n').filter(Boolean)) this.copy(file)
    this.copy('app/adapters/prisma-client')
    symlinkSync(path.join(tree, 'node_modules'), path.join(this.root, 'node_modules'))
  }

  private copy(file: string): void {
    const target = path.join(this.root, file)
    mkdirSync(path.dirname(target), { recursive: true })
    cpSync(path.join(this.tree, file), target, { recursive: true })
  }

  async run(mutant: Mutant, tests: string[]): Promise<Ran> {
    const file = path.join(this.root, mutant.file)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, applied(text, mutant))
    try {
      const { failed, output, seconds } = await this.test(tests)
      if (!failed) return { kind: 'survived', seconds }
      if (mutant.language === 'sql' && noStatement.test(output))
        return { kind: 'unreadable', seconds }
      return { kind: 'killed', by: firstFailure(output), seconds }
    } finally {
      writeFileSync(file, text)
    }
  }

  async test(tests: string[]): Promise<{ failed: boolean; output: string; seconds: number }> {
    const started = performance.now()
    const child = spawn(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--config',
        'bench/mutate/vitest.config.ts',
        ...tests,
      ],
      {
        cwd: this.root,
        detached: true,
        env: { ...process.env, ...this.environment, MUTATE_TESTS: tests.join(), NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (output += data.toString()))
    const timer = setTimeout(() => {
      output += `\nFAIL no end within ${maxSeconds} s`
      if (child.pid) process.kill(-child.pid, 'SIGKILL')
    }, maxSeconds * 1000)
    const [code] = (await once(child, 'close')) as [number | null]
    clearTimeout(timer)
    return { failed: code !== 0, output, seconds: (performance.now() - started) / 1000 }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

const firstFailure = (output: string): string => /FAIL +(.+)/.exec(output)?.[1]?.trim() ?? 'a crash'
