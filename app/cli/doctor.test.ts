/** `npm run doctor` as an operator runs it: a process, its output and its exit code. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { CheckResult } from '~/domain/operations/readiness-check'
import type { ReadinessReport } from '~/domain/operations/readiness.server'
import type { Message } from '~/messages/text'
import { freePort } from '../../simulators/free-port'
import { openWorld, type World } from '../../tests/world'
import { startIdentity } from '../../simulators/identity/server'

const workshop = (opens: Date) =>
  `title: A workshop
timezone: UTC
organizer: Hosts <hosts@example.org>
claims_open_at: ${opens.toISOString()}
claims_close_at: 2099-01-01T00:00:00Z
allowed_models: [openai/gpt-5-nano]
limit_usd: 20
key_limit_usd: 2
key_expires_in: 2d
providers: [github]
`

async function doctor(
  world: World,
  change: Record<string, string | undefined> = {},
  args: string[] = [],
) {
  const folder = await mkdtemp(path.join(tmpdir(), 'keymint-doctor-'))
  await writeFile(path.join(folder, 'workshop.yaml'), workshop(new Date(Date.now() - 60_000)))
  const identity = await startIdentity({ appOrigins: ['http://localhost:3000'] })
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'test' as const,
    DATABASE_URL: world.database.url,
    APP_ORIGIN: 'http://localhost:3000',
    SESSION_SECRET: 'cGx5IHRoZSBnYW1lIG9mIHJhbmRvbSBsZXR0ZXJz',
    ENCRYPTION_KEY: world.encryptionKey.toString('base64'),
    OPENROUTER_MANAGEMENT_KEY: world.upstream.managementKey,
    OPENROUTER_BASE_URL: world.upstream.baseUrl,
    GITHUB_CLIENT_ID: identity.github.clientId,
    GITHUB_CLIENT_SECRET: identity.github.clientSecret,
    GITHUB_WEB_URL: identity.github.url,
    GITHUB_API_URL: identity.github.apiUrl,
    GOOGLE_CLIENT_ID: identity.google.clientId,
    GOOGLE_CLIENT_SECRET: identity.google.clientSecret,
    GOOGLE_AUTH_URL: identity.google.authUrl,
    GOOGLE_TOKEN_URL: identity.google.tokenUrl,
    PROVISIONING_ENABLED: 'true',
    WORKSHOPS_DIR: folder,
    ...change,
  }
  const child = spawn(process.execPath, ['--import', 'tsx', 'app/cli/doctor.ts', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  await identity.stop()
  return { code, out, err }
}

test('a ready deployment: it ends with 0, stores its report for the page, and prints no secret', async () => {
  await using world = await openWorld()
  await world.db.worker.create({ data: { id: 'one', slots: 8 } })
  const { code, out, err } = await doctor(world)
  expect([code, err], out).toEqual([0, ''])
  expect(out).toMatch(/\nReady\.\n$/)
  expect(out).toContain(
    'GitHub: http://localhost:3000/auth/github/callback, Google: http://localhost:3000/auth/google/callback',
  )
  for (const secret of [
    world.upstream.managementKey,
    world.encryptionKey.toString('base64'),
    'cGx5IHRoZSBnYW1lIG9mIHJhbmRvbSBsZXR0ZXJz',
  ])
    expect(out).not.toContain(secret)
  expect(await world.db.doctorReport.findMany()).toMatchObject([
    { madeBy: 'operator', severity: 'ok' },
  ])
})

test('with a broken environment and no database it lists every error, checks the rest, and ends with 1', async () => {
  await using world = await openWorld()
  const sameAsOther = world.encryptionKey.toString('base64')
  const { code, out, err } = await doctor(
    world,
    {
      SESSION_SECRET: sameAsOther,
      DATABASE_URL: `postgresql://nobody:hunter2hunter2@127.0.0.1:${await freePort()}/none`,
      GITHUB_CLIENT_SECRET: undefined,
      MINT_CONCURRENCY: 'many',
    },
    ['--json', '--no-canary'],
  )
  expect([code, err]).toEqual([1, ''])
  const { severity, checks } = JSON.parse(out) as Omit<ReadinessReport, 'checks'> & {
    checks: (CheckResult & Message)[]
  }
  const of = (name: string) => checks.find((check) => check.name === name)!
  expect(severity).toBe('error')
  expect(of('environment').sentence).toBe(
    '2 variables cannot be used. GITHUB_CLIENT_SECRET: is missing. ' +
      'MINT_CONCURRENCY: must be a whole number from 1 to 100.',
  )
  expect(of('secrets').sentence).toContain('SESSION_SECRET and ENCRYPTION_KEY are the same')
  expect([of('database').severity, of('migrations').severity, of('canary').sentence]).toEqual([
    'error',
    'skipped',
    'Skipped, as requested.',
  ])
  expect([of('management-key').severity, of('models').severity, of('credits').severity]).toEqual([
    'ok',
    'ok',
    'ok',
  ])
  expect(out).not.toMatch(/hunter2|sk-or-/)
})

test('with nothing at all it still ends, with a list', async () => {
  await using world = await openWorld()
  const { code, out } = await doctor(world, {
    DATABASE_URL: undefined,
    OPENROUTER_MANAGEMENT_KEY: undefined,
    ENCRYPTION_KEY: undefined,
    SESSION_SECRET: 'changeme-changeme-changeme-changeme',
  })
  expect(code).toBe(1)
  expect(out).toContain(
    'DATABASE_URL: is missing. ENCRYPTION_KEY: is missing. OPENROUTER_MANAGEMENT_KEY: is missing.',
  )
  expect(out).toContain('SESSION_SECRET looks like an example')
  expect(out).toMatch(/Not ready: environment, secrets\.\n$/)
})

test('a bundle for support has facts and not one value of the environment', async () => {
  await using world = await openWorld()
  await world.db.worker.create({ data: { id: 'one', slots: 8, version: 'v-of-worker' } })
  const canaries = {
    SESSION_SECRET: 'canary-session-7f3a91c2d4e5b6a7-canary',
    GITHUB_CLIENT_SECRET: 'canary-github-0a1b2c3d4e5f',
    METRICS_TOKEN: 'canary-metrics-token-9182736455aabbcc',
    ADMIN_EMAILS: 'canary-admin@example.org',
    SMTP_URL: 'smtp://canary-user:canary%20word@smtp.canary.example:587',
  }
  await world.db.attendee.create({
    data: {
      userId: 'github:1',
      displayName: 'Canary Person',
      email: 'canary-person@example.org',
      emailNormalized: 'canary-person@example.org',
      authProvider: 'github',
    },
  })
  await world.db.backup.create({
    data: {
      startedAt: new Date(),
      error: `no way to ${world.database.url} for canary-person@example.org with sk-or-v1-${'c'.repeat(64)}`,
    },
  })
  const folder = await mkdtemp(path.join(tmpdir(), 'keymint-bundle-'))
  const file = path.join(folder, 'bundle.json')
  const { code, out } = await doctor(world, canaries, ['--bundle', file, '--no-canary'])
  expect([code, out]).toEqual([
    0,
    `Wrote ${file}. It holds no secret; read it before you send it to anybody.\n`,
  ])
  const text = await readFile(file, 'utf8')
  expect(text.toLowerCase()).not.toMatch(
    /canary[- ](session|github|metrics|admin|user|word|person)/,
  )
  for (const secret of [
    world.upstream.managementKey,
    world.encryptionKey.toString('base64'),
    world.database.url,
    'smtp.canary.example',
    'c'.repeat(64),
  ])
    expect(text).not.toContain(secret)
  const bundle = JSON.parse(text) as {
    settings: { set: string[]; unset: string[] }
    readiness: { checks: { name: string }[] }
    facts: Record<string, unknown>
  }
  expect(bundle.settings.set).toEqual(expect.arrayContaining(Object.keys(canaries)))
  expect(bundle.settings.unset).toContain('ROSTER_KEY')
  expect(bundle.readiness.checks.length).toBeGreaterThan(10)
  for (const [name, rows] of Object.entries(bundle.facts))
    expect(Array.isArray(rows), `${name}: ${JSON.stringify(rows)}`).toBe(true)
  expect(bundle.facts).toMatchObject({
    workers: [{ version: 'v-of-worker', slots: 8 }],
    backups: [{ error: expect.stringContaining('[address]') as string }],
  })
  expect((await stat(file)).mode & 0o077).toBe(0)
  const second = await doctor(world, canaries, ['--bundle', file, '--no-canary'])
  expect([second.code, second.err]).toEqual([2, `${file} is already there. Name another file.\n`])
})

test('an argument that it does not know ends it with 2', async () => {
  await using world = await openWorld()
  expect((await doctor(world, {}, ['--canary'])).code).toBe(2)
})
