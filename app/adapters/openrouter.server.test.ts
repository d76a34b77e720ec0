/**
 * The adapter against the stand-in and against servers stranger than that: what a failure is
 * called, and what it must never carry.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { freePort } from '../../simulators/free-port'
import { startOpenRouter } from '../../simulators/openrouter/server'
import { createOpenRouter } from './openrouter.server'
import type { KeyProvider } from './key-provider'
import { isProviderError, type ProviderError } from './provider-error'

const managementKey = `sk-or-v1-${'5e'.repeat(32)}`
const plaintext = `sk-or-v1-${'c0'.repeat(32)}`
const keyInput = () => ({
  name: 'km/test/one',
  limit: 2_000_000_000n,
  limitReset: null,
  expiresAt: new Date(Date.now() + 3_600_000),
})

async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (caught: unknown) => caught,
  )
  if (!isProviderError(error)) throw new Error(`not a ProviderError: ${String(error)}`)
  return error
}

function expectNoSecret(error: Error) {
  for (const text of [
    inspect(error, { depth: 20, showHidden: true }),
    JSON.stringify(error),
    error.message,
    error.stack ?? '',
  ]) {
    expect(text).not.toContain(managementKey)
    expect(text).not.toContain('c0c0c0c0')
  }
  expect(error.cause).toBeUndefined()
}

async function standIn() {
  const upstream = await startOpenRouter()
  const faults = (rules: object[]) =>
    fetch(upstream.faultsUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules }),
    })
  const provider = createOpenRouter({
    baseUrl: upstream.baseUrl,
    managementKey: upstream.managementKey,
  })
  return { upstream, provider, faults, [Symbol.asyncDispose]: () => upstream.stop() }
}

/** A server that gives one answer to everything. */
async function strange(
  status: number,
  body: string,
  options: {
    type?: string
    cutAfter?: number
    headers?: Record<string, string>
    log?: { warn: (facts: object) => void }
  } = {},
) {
  const server = createServer((_request, response) => {
    response.writeHead(status, {
      'content-type': options.type ?? 'application/json',
      ...options.headers,
      ...(options.cutAfter === undefined ? {} : { 'content-length': String(body.length) }),
    })
    if (options.cutAfter === undefined) return void response.end(body)
    response.write(body.slice(0, options.cutAfter), () => setImmediate(() => response.destroy()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const provider = createOpenRouter({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    managementKey,
    log: options.log,
  })
  return {
    provider,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

test('each failure of POST /keys has its name', async () => {
  await using world = await standIn()
  const table: [object, object][] = [
    [
      { fault: '429', retryAfterSeconds: 7 },
      { kind: 'retryable', reason: 'rate-limited', status: 429, retryAfterSeconds: 7 },
    ],
    [{ fault: '402' }, { kind: 'retryable', reason: 'no-credit', status: 402 }],
    [{ fault: '401' }, { kind: 'retryable', reason: 'unauthorized', status: 401 }],
    [{ fault: '403' }, { kind: 'retryable', reason: 'forbidden', status: 403 }],
    [
      { fault: 'refuse', status: 400, message: 'no such thing' },
      { kind: 'rejected', reason: 'bad-request', status: 400, providerMessage: 'no such thing' },
    ],
    [
      { fault: 'refuse', status: 404 },
      { kind: 'rejected', reason: 'not-found', status: 404 },
    ],
    [
      { fault: 'refuse', status: 409 },
      { kind: 'rejected', reason: 'refused', status: 409 },
    ],
    [{ fault: '500' }, { kind: 'ambiguous', reason: 'server-error', status: 500 }],
    [{ fault: '503' }, { kind: 'ambiguous', reason: 'server-error', status: 503 }],
    [{ fault: '502-html' }, { kind: 'ambiguous', reason: 'server-error', status: 502 }],
    [{ fault: 'reset-before' }, { kind: 'ambiguous', reason: 'connection-lost' }],
    [{ fault: 'reset-after' }, { kind: 'ambiguous', reason: 'connection-lost' }],
    [{ fault: 'unreadable' }, { kind: 'ambiguous', reason: 'unreadable-answer' }],
    [
      { fault: 'drop-field', field: 'key' },
      { kind: 'ambiguous', reason: 'unreadable-answer' },
    ],
  ]
  for (const [fault, details] of table) {
    await world.faults([{ match: 'POST /keys', ...fault }])
    const error = await failureOf(world.provider.createKey(keyInput()))
    expect(error.details, JSON.stringify(fault)).toMatchObject({ call: 'POST /keys', ...details })
    expect(inspect(error, { depth: 20 })).not.toMatch(/sk-or-v1-[0-9a-f]{8}/)
    expect(inspect(error, { depth: 20 })).not.toContain(world.upstream.managementKey)
  }
})

test('a provider that is not there has certainly done nothing', async () => {
  const provider = createOpenRouter({
    baseUrl: `http://127.0.0.1:${await freePort()}/api/v1`,
    managementKey,
  })
  const error = await failureOf(provider.createKey(keyInput()))
  expect(error.details).toMatchObject({ kind: 'retryable', reason: 'unreachable' })
  expectNoSecret(error)
})

test('answers that are no answers become errors of ours, without a piece of them inside', async () => {
  const created = JSON.stringify({ key: plaintext, data: { hash: 'h' } })
  const cases: [number, string, Parameters<typeof strange>[2]][] = [
    [201, `{"key":"${plaintext}", not json`, {}],
    [201, created, { cutAfter: 60 }],
    [201, 'null', {}],
    [201, '[]', {}],
    [201, '', {}],
    [201, created, { cutAfter: 0 }],
    [401, `${plaintext} not json`, {}],
    [400, `{"error":{"code":400,"message":"bad ${plaintext}"}}`, {}],
    [500, created, { type: 'text/html' }],
  ]
  for (const [status, body, options] of cases) {
    await using world = await strange(status, body, options)
    const error = await failureOf(world.provider.createKey(keyInput()))
    expect(error.details.kind, `${status} ${body}`).toBe(status === 400 ? 'rejected' : 'ambiguous')
    expectNoSecret(error)
  }
})

test('a key that was made and answered in a strange way is kept', async () => {
  for (const [status, type] of [
    [201, 'application/json'],
    [200, 'application/json'],
    [201, 'text/plain'],
  ] as const) {
    await using world = await strange(
      status,
      JSON.stringify({ key: plaintext, data: { hash: 'abc' } }),
      { type },
    )
    expect(await world.provider.createKey(keyInput())).toMatchObject({ hash: 'abc', plaintext })
  }
})

test('an impossible amount and a list without an end are unreadable answers, for every call', async () => {
  const key = (usage: number) => wireKey({ usage })
  await using impossible = await strange(200, JSON.stringify({ data: [key(1e30)] }))
  expect((await failureOf(impossible.provider.listKeys())).details.reason).toBe('unreadable-answer')
  await using endless = await strange(
    200,
    JSON.stringify({ data: Array.from({ length: 100 }, () => key(0)) }),
  )
  expect((await failureOf(endless.provider.listKeys())).details.reason).toBe('unreadable-answer')
}, 60_000)

test('every call fails with an error of ours when the answer is half a page of HTML', async () => {
  await using world = await strange(200, `<html>${managementKey}`, { type: 'text/html' })
  const { provider } = world
  const rules = { name: 'n', description: 'd', limit: 1n, allowedModels: ['a/b'] }
  const calls: ((provider: KeyProvider) => Promise<unknown>)[] = [
    (p) => p.listKeys(),
    (p) => p.findKey('h'),
    (p) => p.updateKey('h', { disabled: true }),
    (p) => p.deleteKey('h'),
    (p) => p.listGuardrails(),
    (p) => p.createGuardrail(rules),
    (p) => p.updateGuardrail('00000000-0000-4000-8000-000000000000', rules),
    (p) => p.assignKeys('g', ['h']),
    (p) => p.listAssignedHashes('g'),
    (p) => p.readOwnKey(plaintext),
    (p) => p.readCredits(),
    (p) => p.listActivity({}),
    (p) => p.listModels(),
  ]
  for (const call of calls) expectNoSecret(await failureOf(call(provider)))
})

const wireKey = (change: object = {}) => ({
  hash: 'h',
  label: 'l',
  name: 'n',
  disabled: false,
  limit: 1,
  limit_remaining: 1,
  limit_reset: null,
  include_byok_in_limit: false,
  usage: 0,
  usage_daily: 0,
  usage_weekly: 0,
  usage_monthly: 0,
  byok_usage: 0,
  byok_usage_daily: 0,
  byok_usage_weekly: 0,
  byok_usage_monthly: 0,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: null,
  expires_at: null,
  creator_user_id: null,
  external_user: null,
  workspace_id: '00000000-0000-4000-8000-000000000000',
  ...change,
})

test('one strange key in a list is left out and counted, and the others are read as ever', async () => {
  const warned: object[] = []
  const good = ['a', 'b'].map((hash) =>
    wireKey({ hash, limit: 2.5, expires_at: '2026-02-01T00:00:00Z' }),
  )
  const strangeKeys = [
    wireKey({ hash: 7 }),
    wireKey({ usage: 'much' }),
    wireKey({ hash: 'x', usage: 1e30 }),
    wireKey({ hash: 'y', created_at: 'once' }),
    wireKey({ hash: 'z', limit: undefined }),
    null,
    'key',
  ]
  for (const items of [
    [...strangeKeys, ...good],
    [good[0], wireKey({ hash: 'x', usage: 1e30 }), good[1]],
  ]) {
    await using world = await strange(200, JSON.stringify({ data: items }), {
      log: { warn: (facts: object) => void warned.push(facts) },
    })
    const read = await world.provider.listKeys()
    expect(read.map((key) => key.hash)).toEqual(['a', 'b'])
    expect(read[0]).toMatchObject({
      limit: 2_500_000_000n,
      expiresAt: new Date('2026-02-01T00:00:00Z'),
      createdAt: new Date('2026-01-01T00:00:00Z'),
    })
  }
  expect(warned).toEqual([
    { unread: 7, listed: 9 },
    { unread: 1, listed: 3 },
  ])
  // A field that the SDK asks for and we do not may go missing from all of them.
  await using narrow = await strange(
    200,
    JSON.stringify({ data: good.map(({ external_user: _gone, ...key }) => key) }),
  )
  expect(await narrow.provider.listKeys()).toHaveLength(2)
})

test('a page that holds a strange key still counts as a full page', async () => {
  await using world = await standIn()
  await fetch(new URL('/__sim/keys', world.upstream.baseUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prefix: 'k-', count: 130 }),
  })
  await world.faults([{ match: 'GET /keys', fault: 'drop-field', field: 'usage', times: 1 }])
  const names = (await world.provider.listKeys()).map((key) => key.name)
  expect(new Set(names).size).toBe(130)
})

test('credits, activity and models are read in our words', async () => {
  await using world = await standIn()
  const sim = (path: string, body: object) =>
    fetch(new URL(`/__sim/${path}`, world.upstream.baseUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const { hash } = await world.provider.createKey(keyInput())
  const other = await world.provider.createKey({ ...keyInput(), name: 'km/test/two' })
  await sim('spend', { hash, usd: 0.25, model: 'openai/gpt-5-nano' })
  await sim('spend', { hash: other.hash, usd: 0.5, model: 'openai/gpt-5-nano' })
  expect(await world.provider.readCredits()).toEqual({
    bought: 1_000_000_000_000n,
    used: 750_000_000n,
  })

  const today = new Date().toISOString().slice(0, 10)
  await sim('clock', { offsetMs: 86_400_000 })
  expect(await world.provider.listActivity({ date: today, keyHash: hash })).toEqual([
    expect.objectContaining({ date: today, model: 'openai/gpt-5-nano', usage: 250_000_000n }),
  ])
  expect((await world.provider.listActivity({})).reduce((sum, row) => sum + row.usage, 0n)).toBe(
    750_000_000n,
  )

  const models = await world.provider.listModels()
  expect(models.length).toBeGreaterThan(3)
  expect(models.find((model) => model.id === 'openai/gpt-5-nano')?.canonicalSlug).toMatch(
    /^openai\/gpt-5-nano-/,
  )
})

test('the reset of a limit is changed and taken away, and what is not named stays', async () => {
  await using world = await standIn()
  const { hash } = await world.provider.createKey(keyInput())
  expect(
    await world.provider.updateKey(hash, { limit: 3_000_000_000n, limitReset: 'daily' }),
  ).toMatchObject({ limit: 3_000_000_000n, limitReset: 'daily', disabled: false })
  expect(await world.provider.updateKey(hash, { disabled: true })).toMatchObject({
    limit: 3_000_000_000n,
    limitReset: 'daily',
    disabled: true,
  })
  expect(await world.provider.updateKey(hash, { limitReset: null })).toMatchObject({
    limit: 3_000_000_000n,
    limitReset: null,
  })
})

test('inspecting the provider prints no management key', () => {
  const provider = createOpenRouter({ baseUrl: 'http://127.0.0.1:1/api/v1', managementKey })
  expect(
    inspect(provider, { depth: 20, showHidden: true }) + JSON.stringify(provider),
  ).not.toContain(managementKey)
})
