/**
 * The Dockerfile, carried out without Docker: its own lines, in folders that begin empty, with what
 * .dockerignore lets through. An instruction that is not known here throws, so that the file cannot
 * grow past what is tried.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

export type Instruction = { name: string; args: string }
export type Stage = { from: string; alias: string | null; instructions: Instruction[] }
export type Image = {
  root: string
  workdir: string
  env: Record<string, string>
  user: string | null
  command: string[]
  baseImages: string[]
  ran: string[]
}

function parseDockerfile(text: string): Stage[] {
  const lines = text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const stages: Stage[] = []
  for (const line of lines) {
    const [, name = '', args = ''] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? []
    if (name === 'FROM') {
      const [, from = '', alias] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(args) ?? []
      stages.push({ from, alias: alias ?? null, instructions: [] })
    } else {
      const stage = stages.at(-1)
      if (!name || !stage) throw new Error(`This line of the Dockerfile is not understood: ${line}`)
      stage.instructions.push({ name, args })
    }
  }
  return stages
}

/**
 * Builds every stage below `folder` and gives the last one. `environment` is what RUN lines see of
 * the outside.
 */
export function buildImage(context: string, folder: string, environment: NodeJS.ProcessEnv): Image {
  const ignored = ignoredBy(readFileSync(path.join(context, '.dockerignore'), 'utf8'))
  const stages = parseDockerfile(readFileSync(path.join(context, 'Dockerfile'), 'utf8'))
  const roots = new Map<string, string>()
  const baseImages = stages.map((stage) => stage.from)
  const ran: string[] = []
  let image: Image | undefined
  stages.forEach((stage, index) => {
    const root = path.join(folder, stage.alias ?? `stage-${index}`)
    roots.set(stage.alias ?? String(index), root)
    image = { root, workdir: '/', env: {}, user: null, command: [], baseImages, ran }
    for (const instruction of stage.instructions)
      carryOut(instruction, image, { context, ignored, roots, environment })
  })
  if (!image) throw new Error('The Dockerfile has no stage.')
  return image
}

type Site = {
  context: string
  ignored: (file: string) => boolean
  roots: Map<string, string>
  environment: NodeJS.ProcessEnv
}

function carryOut({ name, args }: Instruction, image: Image, site: Site): void {
  const workdir = () => path.join(image.root, image.workdir)
  switch (name) {
    case 'WORKDIR':
      image.workdir = args
      mkdirSync(workdir(), { recursive: true })
      return
    case 'ENV': {
      const [, key = '', quoted, plain] = /^(\w+)=(?:"([^"]*)"|(\S+))$/.exec(args) ?? []
      const value = quoted ?? plain ?? ''
      if (!key) throw new Error(`ENV ${args} is not of the form NAME=value`)
      image.env[key] = value
      return
    }
    case 'COPY':
      copy(args, image, workdir(), site)
      return
    case 'RUN':
      run(args.replace(/^(--mount=\S+\s+)*/, ''), image, workdir(), site.environment)
      return
    case 'USER':
      image.user = args
      return
    case 'CMD':
      image.command = JSON.parse(args) as string[]
      return
    case 'EXPOSE':
    case 'HEALTHCHECK':
      return
    default:
      throw new Error(
        `The instruction ${name} is not known to e2e/image/dockerfile.ts: teach it, so that it is tried.`,
      )
  }
}

function copy(
  args: string,
  image: Image,
  workdir: string,
  { context, ignored, roots }: Site,
): void {
  const [, stage, rest = ''] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(args) ?? []
  const parts = rest.split(/\s+/)
  const destination = path.resolve(workdir, parts.pop() ?? '.')
  const source = stage === undefined ? context : roots.get(stage)
  if (source === undefined) throw new Error(`COPY --from=${stage}: there is no such stage`)
  for (const part of parts) {
    const from = path.join(source, part)
    if (!existsSync(from)) throw new Error(`COPY ${args}: ${part} is not there`)
    const into =
      statSync(from).isDirectory() || (parts.length === 1 && !rest.endsWith('/'))
        ? destination
        : path.join(destination, path.basename(part))
    copyTree(
      from,
      into,
      stage === undefined ? (file) => ignored(path.relative(context, file)) : () => false,
    )
  }
}

function copyTree(from: string, into: string, skip: (file: string) => boolean): void {
  if (skip(from)) return
  if (!statSync(from).isDirectory()) {
    mkdirSync(path.dirname(into), { recursive: true })
    return cpSync(from, into)
  }
  mkdirSync(into, { recursive: true })
  for (const name of readdirSync(from)) copyTree(path.join(from, name), path.join(into, name), skip)
}

function run(command: string, image: Image, cwd: string, environment: NodeJS.ProcessEnv): void {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    cwd,
    env: { ...environment, ...image.env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  image.ran.push(command)
  if (status !== 0)
    throw new Error(
      `RUN ${command} ended with ${status}:\n${stdout.slice(-4_000)}\n${stderr.slice(-4_000)}`,
    )
}

/** The patterns in use: names and globs from the root, and a leading globstar. */
function ignoredBy(text: string): (file: string) => boolean {
  const patterns = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (patterns.some((pattern) => pattern.startsWith('!')))
    throw new Error('.dockerignore has an exception, which is not understood here.')
  return (file) => file !== '' && patterns.some((pattern) => path.matchesGlob(file, pattern))
}

/**
 * What a RUN line finds: the Node that npm brought, npm, and how to reach the registry; nothing
 * else of this shell.
 */
export function buildEnvironment(folder: string): NodeJS.ProcessEnv {
  const bin = path.join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(process.execPath, path.join(bin, 'node'))
  const npm = process.env.npm_execpath
  if (npm) {
    writeFileSync(path.join(bin, 'npm'), `#!/bin/sh\nexec "${process.execPath}" "${npm}" "$@"\n`)
    chmodSync(path.join(bin, 'npm'), 0o755)
  }
  const ofNpm =
    /^npm_config_(cache|registry|userconfig|globalconfig|cafile|prefix|noproxy|https?_proxy)$/i
  const ofTheMachine =
    /^(HOME|TMPDIR|USER|LANG|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|(https?|no)_proxy)$/i
  const passed = Object.entries(process.env).filter(
    ([name]) => ofTheMachine.test(name) || ofNpm.test(name),
  )
  return {
    ...Object.fromEntries(passed),
    NODE_ENV: undefined,
    PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}`,
    npm_config_prefer_offline: 'true',
  } as unknown as NodeJS.ProcessEnv
}
