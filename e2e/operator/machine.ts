/**
 * What `docker compose` does with compose.yaml, without Docker: the commands of the guides run
 * against the image's own programs, a PostgreSQL of its own, and `.env` as it stands. A command or
 * an option that is not known here fails, so that no page can ask for what is not tried.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { parse } from 'yaml'
import { startAppProcess, lastLinesOf, type AppProcess } from '../../simulators/app-process'
import { freePort } from '../../simulators/free-port'
import { databaseUrlFor, dropDatabase } from '../../simulators/postgres/template'

type Service = { command?: string[]; environment?: Record<string, string>; healthcheck?: object }
type Output = { code: number; stdout: string; stderr: string }
type Running = { child: AppProcess; configuration: string; port: string }

export type MachineOptions = {
  /** The image's /app. */
  image: string
  /** The operator's folder: compose.yaml, .env, workshops. */
  folder: string
  /** The server that stands in for the service `database`. */
  adminUrl: string
  /** What the image itself sets. */
  imageEnvironment: Record<string, string>
}

const quiet: Output = { code: 0, stdout: '', stderr: '' }
const fault = (stderr: string): Output => ({ code: 1, stdout: '', stderr: `${stderr}\n` })

export async function openMachine(options: MachineOptions) {
  const { image, folder, adminUrl } = options
  const role = `keymint_${randomBytes(6).toString('hex')}`
  const volume = path.join(folder, '.volumes', 'backups')
  const running = new Map<string, Running>()
  const peaks = new Map<string, number>()
  let hasVolume = false

  const env = () =>
    Object.fromEntries(
      [...readFileSync(path.join(folder, '.env'), 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    )
  const services = () =>
    (
      parse(readFileSync(path.join(folder, 'compose.yaml'), 'utf8'), { merge: true }) as {
        services: Record<string, Service>
      }
    ).services
  const filled = (text: string) =>
    text.replace(/\$\{(\w+)(?::[?-]([^}]*))?\}/g, (_all, name: string, other = '') => {
      const value = env()[name]
      return value === undefined || value === '' ? String(other) : value
    })
  /** What a container of the service sees, with addresses and folders of this machine. */
  function environmentOf(name: string): Record<string, string> {
    const given = Object.entries(services()[name]?.environment ?? {}).map(
      ([key, value]) => [key, filled(value)] as const,
    )
    const { hostname, port } = new URL(adminUrl)
    const all = { ...options.imageEnvironment, ...env(), ...Object.fromEntries(given) }
    return {
      ...all,
      PATH: process.env.PATH ?? '',
      BACKUP_DIR: volume,
      WORKSHOPS_DIR: path.join(folder, 'workshops'),
      DATABASE_URL: (all.DATABASE_URL ?? '')
        .replace('//keymint:', `//${role}:`)
        .replace('@database:5432/keymint', `@${hostname}:${port}/${role}`),
    }
  }

  async function admin<Row extends pg.QueryResultRow>(text: string, database?: string) {
    const client = new pg.Client(database ? databaseUrlFor(adminUrl, database) : adminUrl)
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }

  /** A new volume has the password of that moment; one that is there keeps its own. */
  async function startDatabase(): Promise<void> {
    if (hasVolume) return
    const password = pg.escapeLiteral(env().POSTGRES_PASSWORD ?? '')
    await admin(`drop role if exists ${role}`)
    await admin(`create role ${role} login password ${password}`)
    await admin(`create database ${role} owner ${role}`)
    hasVolume = true
  }

  async function removeDatabase(): Promise<void> {
    hasVolume = false
    await dropDatabase(adminUrl, role)
    await admin(`drop role if exists ${role}`)
  }

  const mapped = (argument: string) => argument.replace(/(^|\s)\/backups/g, `$1${volume}`)

  async function inImage(
    name: string,
    command: string[],
    more: Record<string, string> = {},
  ): Promise<Output> {
    const [program = '', ...rest] = command.map(mapped)
    const child = spawn(program === 'node' ? process.execPath : program, rest, {
      cwd: image,
      env: { NODE_ENV: 'production', ...environmentOf(name), ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()))
    child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code: code ?? 1, ...output }
  }

  async function stop(names: string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        note(name)
        await running.get(name)?.child.stop()
        running.delete(name)
      }),
    )
  }

  async function start(name: string, isForced: boolean): Promise<Output> {
    const given = environmentOf(name)
    const configuration = JSON.stringify([given, services()[name]])
    if (running.get(name)?.configuration === configuration && !isForced) return quiet
    await stop([name])
    const port = name === 'web' ? (env().KEYMINT_PORT ?? '3000') : String(await freePort())
    const metricsPort = name === 'web' ? String(await freePort()) : port
    const child = startAppProcess({
      name,
      entry: services()[name]?.command?.[1] ?? '',
      cwd: image,
      env: {
        NODE_ENV: 'production',
        ...given,
        ...(name === 'web' ? { PORT: port } : {}),
        METRICS_PORT: metricsPort,
      },
      logFile: path.join(folder, `${name}.log`),
    })
    running.set(name, { child, configuration, port })
    for (let tries = 0; tries < 600; tries++) {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null)
      if (answer?.ok) return quiet
      await sleep(100)
    }
    return fault(lastLinesOf(child))
  }

  /** The most memory that a process has had until now. */
  function note(name: string): void {
    const child = running.get(name)?.child
    const status = `/proc/${child?.pid}/status`
    if (!child || !existsSync(status)) return
    const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) / 1024
    peaks.set(name, Math.max(peaks.get(name) ?? 0, peak))
  }

  async function up(given: string[]): Promise<Output> {
    const known = ['--detach', '--wait', '--force-recreate', '--build']
    const unknown = given.find((one) => one.startsWith('-') && !known.includes(one))
    if (unknown) return fault(`unknown flag: ${unknown}`)
    const named = given.filter((one) => !one.startsWith('-'))
    mkdirSync(volume, { recursive: true })
    await startDatabase()
    if (named.length === 1 && named[0] === 'database') return quiet
    const migrated = await inImage('migrate', services().migrate?.command ?? [])
    if (migrated.code !== 0) return migrated
    for (const name of named.length > 0 ? named : ['web', 'worker']) {
      const started = await start(name, given.includes('--force-recreate'))
      if (started.code !== 0) return started
    }
    return migrated
  }

  async function sql(command: string[]): Promise<Output> {
    const [program, user, who, flag, text = '', ...more] = command
    if (`${program} ${user} ${who} ${flag}` !== 'psql --username keymint --command' || more.length)
      return fault(`not understood: ${command.join(' ')}`)
    await admin(text.replaceAll('role keymint ', `role ${role} `), role)
    return quiet
  }

  function run(given: string[]): Promise<Output> {
    const at = given.findIndex((one) => one in services())
    const [name = '', ...command] = given.slice(at)
    const flags = given.slice(0, at).filter((one) => !['--rm', '--no-deps', '-T'].includes(one))
    let args = command
    while (flags.length > 0) {
      const [flag, value = ''] = flags.splice(0, 2)
      const [, outside, inside] = /^(.+):(\/[^:]+):ro$/.exec(value) ?? []
      if (flag !== '--volume' || !outside || !inside)
        return Promise.resolve(fault(`unknown flag: ${flag}`))
      args = args.map((one) => (one === inside ? outside : one))
    }
    return inImage(name, args)
  }

  async function docker(args: string[]): Promise<Output> {
    const [first, verb, ...rest] = args
    if (`${first} ${verb}` === 'volume rm' && rest.join() === 'keymint_database') {
      await removeDatabase()
      return quiet
    }
    if (first !== 'compose') return fault(`unknown command: ${args.join(' ')}`)
    switch (verb) {
      case 'up':
        return up(rest)
      case 'build':
        return quiet
      case 'stop':
        return stop(rest).then(() => quiet)
      case 'down':
        return rest.length > 0
          ? fault(`unknown flag: ${rest[0]}`)
          : stop([...running.keys()]).then(() => quiet)
      case 'exec': {
        const [name = '', ...command] = rest
        if (name === 'database') return sql(command)
        if (!running.has(name)) return fault(`service "${name}" is not running`)
        return inImage(name, command)
      }
      case 'run':
        return run(rest)
      case undefined:
      default:
        return fault(`unknown command: ${args.join(' ')}`)
    }
  }

  const server = createServer((request, response) => {
    void readBody(request)
      .then((args) => docker(JSON.parse(args) as string[]))
      .catch((error: unknown) => fault(error instanceof Error ? error.message : String(error)))
      .then((output) => response.end(JSON.stringify(output)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bin = path.join(folder, '.bin')
  mkdirSync(bin, { recursive: true })
  const client = `#!${process.execPath}
const body = JSON.stringify(process.argv.slice(2))
fetch('http://127.0.0.1:${(server.address() as AddressInfo).port}/', { method: 'POST', body })
  .then((answer) => answer.json())
  .then(({ code, stdout, stderr }) => {
    process.stdout.write(stdout)
    process.stderr.write(stderr)
    process.exitCode = code
  })
`
  writeFileSync(path.join(bin, 'docker'), client)
  chmodSync(path.join(bin, 'docker'), 0o755)

  return {
    bin,
    volume,
    env,
    environmentOf,
    /** Rows of the database, as the server's owner reads them. */
    query: <Row extends pg.QueryResultRow>(text: string) => admin<Row>(text, role),
    backups: () => readdirSync(volume).sort(),
    port: (name: string) => running.get(name)?.port ?? '',
    /** Lines of the operator's shell, in the folder; throws with the output where one fails. */
    async shell(lines: string, more: Record<string, string> = {}): Promise<string> {
      const child = spawn('/bin/sh', ['-eu', '-c', lines], {
        cwd: folder,
        env: {
          NODE_ENV: 'production',
          HOME: folder,
          ...more,
          PATH: [bin, path.dirname(process.execPath), process.env.PATH].join(':'),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => (output += data.toString()))
      const [code] = (await once(child, 'close')) as [number | null]
      if (code !== 0) throw new Error(`${lines}\nended with ${code}:\n${output}`)
      return output
    },
    /** The most memory of each process, in MiB: VmHWM, over all that ran. */
    peaks() {
      for (const name of running.keys()) note(name)
      return Object.fromEntries(peaks)
    },
    async close() {
      await stop([...running.keys()])
      server.close()
      await removeDatabase()
    },
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

/** The shell blocks of a page that carry this name: "```sh name". */
export function blockOf(page: string, name: string): string {
  const found = new RegExp(`^ *\`\`\`sh ${name}\\n(.*?)^ *\`\`\``, 'ms').exec(
    readFileSync(page, 'utf8'),
  )
  if (!found) throw new Error(`${page} has no block "${name}"`)
  return found[1]!
}

/** The names of all such blocks, in their order. */
export const blocksOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^ *```sh (\S+)$/gm)].map(([, name = '']) => name)
