/**
 * /metrics: who may read it, what stands in it after real work, and what must never stand in it.
 */
import { connect, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { refreshGauges } from '~/domain/operations/gauges.server'
import { makeWorkshop, openWorld, usd, type World } from '../tests/world'
import { freePort } from '../simulators/free-port'
import { createDb } from './adapters/db.server'
import { createMetrics } from './adapters/metrics.server'
import { listenForMetrics, type MetricsEndpoint } from './metrics-http'
import { routePatterns } from './route-patterns'

const token = 'a-token-for-metrics'

async function metricsServer(change: Partial<MetricsEndpoint> = {}) {
  const server = listenForMetrics(
    { metrics: createMetrics(), token, open: false, ...change },
    0,
    () => undefined,
  )
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  const ask = (path: string, authorization?: string) =>
    fetch(`${origin}${path}`, authorization ? { headers: { authorization } } : {})
  return { ask, port, [Symbol.asyncDispose]: async () => void server.close() }
}

/** The value of one line, or undefined when it is not there. */
const valueOf = (text: string, line: string) =>
  text
    .split('\n')
    .find((one) => one.startsWith(`${line} `))
    ?.slice(line.length + 1)

async function scrapeOf(world: World) {
  await refreshGauges(world.ctx)
  return (await world.ctx.metrics.scrape()).text
}

test.each(['//', '//x', '*', '/%', '/metrics/../..//'])(
  '%s as an address is not found, and the server goes on',
  async (target) => {
    await using server = await metricsServer()
    const raw = await new Promise<string>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      )
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.on('close', () => resolve(text))
    })
    expect(raw).toMatch(/^HTTP\/1\.1 404 /)
    expect((await server.ask('/healthz')).status).toBe(200)
  },
)

test('without the token nobody reads the metrics, and without one configured there are none', async () => {
  await using server = await metricsServer()
  const statuses = await Promise.all(
    [
      undefined,
      'Bearer',
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
      token,
    ].map(async (authorization) => (await server.ask('/metrics', authorization)).status),
  )
  expect(statuses).toEqual([401, 401, 401, 401, 401, 401])
  const answer = await server.ask('/metrics', `Bearer ${token}`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringContaining('text/plain'),
  ])
  expect(await answer.text()).toContain('process_cpu_seconds_total')
  expect([(await server.ask('/healthz')).status, (await server.ask('/')).status]).toEqual([
    200, 404,
  ])
  await using bare = await metricsServer({ token: undefined })
  expect([
    (await bare.ask('/metrics')).status,
    (await bare.ask('/metrics', 'Bearer undefined')).status,
    (await bare.ask('/metrics', 'Bearer ')).status,
  ]).toEqual([404, 404, 404])
  await using open = await metricsServer({ token: undefined, open: true })
  expect((await open.ask('/metrics')).status).toBe(200)
})

test('claims, mints, assignments, jobs, calls and pools are counted, without a person, address or key', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ poolLimit: usd(10), maxKeys: 4 })],
  })
  await world.faults({ rules: [{ match: 'POST /keys', fault: '500-after', times: 1 }] })
  const people = await world.people(6)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: 'test-workshop', person, optIn: false })
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: people[0]!, optIn: false })
  expect(valueOf(await scrapeOf(world), 'keymint_mints_waiting')).toBe('4')
  await world.startWorkerHere()
  await expect
    .poll(
      () => world.db.workshopAttendance.count({ where: { guardrailAttachedAt: { not: null } } }),
      { timeout: 20_000 },
    )
    .toBe(4)
  // The queue counts its jobs every five seconds.
  await expect
    .poll(
      async () =>
        valueOf(await scrapeOf(world), 'keymint_queue_jobs{queue="mint-key",state="ready"}'),
      { timeout: 20_000 },
    )
    .toBe('0')

  const text = await scrapeOf(world)
  expect(valueOf(text, 'keymint_claims_total{outcome="queued"}')).toBe('4')
  expect(valueOf(text, 'keymint_claims_total{outcome="already-claimed"}')).toBe('1')
  expect(valueOf(text, 'keymint_claims_total{outcome="full"}')).toBe('2')
  expect(valueOf(text, 'keymint_mints_total{outcome="saved"}')).toBe('4')
  expect(valueOf(text, 'keymint_mints_total{outcome="unknown"}')).toBe('1')
  expect(valueOf(text, 'keymint_binds_total{outcome="bound"}')).toBe('4')
  expect(valueOf(text, 'keymint_jobs_total{queue="mint-key",outcome="done"}')).toBe('4')
  expect(valueOf(text, 'keymint_upstream_seconds_count{call="createKey",outcome="ok"}')).toBe('4')
  expect(
    valueOf(text, 'keymint_upstream_seconds_count{call="createKey",outcome="server-error 500"}'),
  ).toBe('1')
  expect(valueOf(text, 'keymint_pool_committed_usd{workshop="test-workshop"}')).toBe('8')
  expect(valueOf(text, 'keymint_pool_limit_usd{workshop="test-workshop"}')).toBe('10')
  expect([
    valueOf(text, 'keymint_pool_seats{workshop="test-workshop"}'),
    valueOf(text, 'keymint_pool_max_seats{workshop="test-workshop"}'),
  ]).toEqual(['4', '4'])
  expect([
    valueOf(text, 'keymint_workers'),
    valueOf(text, 'keymint_database_up'),
    valueOf(text, 'keymint_minting_paused'),
  ]).toEqual(['1', '1', '0'])

  for (const person of people)
    for (const secret of [person.userId, person.emailNormalized!, person.displayName])
      expect(text).not.toContain(secret)
  const rows = await world.db.workshopAttendance.findMany()
  for (const row of rows)
    for (const secret of [row.claimId, row.orKeyHash!, row.keyLabel!])
      expect(text).not.toContain(secret)
  expect(text).not.toMatch(/sk-or-|@|github:|google:/)
})

test('a database that does not answer leaves no value that looks alive', async () => {
  await using world = await openWorld()
  expect(valueOf(await scrapeOf(world), 'keymint_mints_waiting')).toBe('0')
  const db = createDb(`postgresql://nobody:nothing@127.0.0.1:${await freePort()}/nothing`, {
    max: 1,
    applicationName: 'test',
  })
  await refreshGauges({ ...world.ctx, db })
  const { text } = await world.ctx.metrics.scrape()
  expect(valueOf(text, 'keymint_database_up')).toBe('0')
  for (const name of [
    'keymint_mints_waiting',
    'keymint_workers',
    'keymint_pool_seats',
    'keymint_queue_jobs',
    'keymint_minting_paused',
  ])
    expect(text, name).not.toMatch(new RegExp(`^${name}[ {]`, 'm'))
})

test('a request is counted under its route’s pattern, and paths that anybody makes up are one', () => {
  const route = (id: string, path: string | undefined, more = {}) => ({
    id,
    path,
    parentId: 'root',
    module: {},
    ...more,
  })
  const patternOf = routePatterns({
    root: { id: 'root', path: '', module: {} },
    home: route('home', undefined, { index: true }),
    claim: route('claim', 'w/:workshop/claim', { index: true }),
    admin: route('admin', 'admin/doctor'),
    rest: route('rest', '*'),
  } as unknown as Parameters<typeof routePatterns>[0])
  expect(
    [
      '/',
      '/_root.data',
      '/w/duckdb/claim',
      '/w/duckdb/claim.data',
      '/admin/doctor',
      '/nothing/here',
      '/assets/entry-abc.js',
      '/favicon.ico',
    ].map(patternOf),
  ).toEqual([
    '/',
    '/',
    '/w/:workshop/claim',
    '/w/:workshop/claim',
    '/admin/doctor',
    'none',
    'assets',
    'assets',
  ])
})
