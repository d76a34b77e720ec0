/**
 * `npm run build` for whoever starts Keymint again and again: a step is skipped while its inputs
 * and its output are what they were. Inputs are compared by content, so that a fresh checkout of
 * the same files counts as unchanged.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

type Step = {
  name: string
  output: string
  inputs: string[]
  command: string[]
  env?: Record<string, string>
}
type Stamps = Record<string, { inputs: string; output: number } | undefined>

const generatedClient = path.join('app', 'adapters', 'prisma-client')
const everywhere = ['package.json', 'package-lock.json', 'tsconfig.json', 'prisma/schema.prisma']

const generate: Step = {
  name: 'generate',
  output: path.join(generatedClient, 'client.ts'),
  inputs: ['package-lock.json', 'prisma/schema.prisma', 'prisma.config.ts'],
  command: ['node_modules/prisma/build/index.js', 'generate'],
  // A file that exists: without it, Prisma's command line would try to download an engine.
  env: { PRISMA_SCHEMA_ENGINE_BINARY: path.resolve('prisma/schema-engine.mjs') },
}
const node: Step = {
  name: 'node',
  output: 'build/node/server.js',
  inputs: [...everywhere, 'vite.node.config.ts', 'app', 'jobs', 'prisma'],
  command: [
    'node_modules/vite/bin/vite.js',
    'build',
    '--config',
    'vite.node.config.ts',
    '--logLevel',
    'warn',
  ],
}
const pages: Step = {
  name: 'pages',
  output: 'build/web/server/index.js',
  inputs: [...everywhere, 'vite.config.ts', 'app', 'public'],
  command: ['node_modules/@remix-run/dev/dist/cli.js', 'vite:build', '--logLevel', 'warn'],
}

const stampsFile = 'build/inputs.json'

export class BuildError extends Error {
  override name = 'BuildError'
}

/** The Prisma client alone, for whoever reads types before there is a build. */
export async function generateOnce(): Promise<{ changed: boolean }> {
  return { changed: await runStep(generate, readStamps(), undefined) }
}

/**
 * Builds what has changed and says whether anything had. Both bundles need the generated client.
 */
export async function buildOnce(
  options: { signal?: AbortSignal } = {},
): Promise<{ changed: boolean }> {
  const stamps = readStamps()
  const generated = await runStep(generate, stamps, options.signal)
  const bundled = await Promise.all(
    [pages, node].map((step) => runStep(step, stamps, options.signal)),
  )
  return { changed: generated || bundled.includes(true) }
}

async function runStep(
  step: Step,
  stamps: Stamps,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const inputs = digestOf(step.inputs)
  const stamp = stamps[step.name]
  if (stamp?.inputs === inputs && stamp.output === changeTimeOf(step.output)) return false
  await run(step, signal)
  stamps[step.name] = { inputs, output: changeTimeOf(step.output) }
  mkdirSync('build', { recursive: true })
  writeFileSync(stampsFile, `${JSON.stringify(stamps, null, 2)}\n`)
  return true
}

function run(step: Step, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, step.command, {
      env: {
        ...process.env,
        NODE_ENV: 'production',
        PATH: `${path.resolve('node_modules/.bin')}${path.delimiter}${process.env.PATH ?? ''}`,
        ...step.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal ? { signal } : {}),
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new BuildError(`The build step "${step.name}" failed:\n${output.trimEnd()}`))
    })
  })
}

function readStamps(): Stamps {
  try {
    return JSON.parse(readFileSync(stampsFile, 'utf8')) as Stamps
  } catch {
    return {}
  }
}

function digestOf(places: string[]): string {
  const hash = createHash('sha256')
  for (const file of places.flatMap(filesIn))
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

function filesIn(place: string): string[] {
  const found = existsSync(place) ? statSync(place) : undefined
  if (!found || place === generatedClient || /\.test\.tsx?$/.test(place)) return []
  if (!found.isDirectory()) return [place]
  return readdirSync(place)
    .sort()
    .flatMap((name) => filesIn(path.join(place, name)))
}

function changeTimeOf(file: string): number {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}
