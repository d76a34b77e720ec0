/** How each failure of a call is classified, and what its error must never carry. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { freePort } from '../../simulators/free-port'
import {
  answering,
  expectNoSecret,
  failureOf,
  keyInput,
  managementKey,
  plaintext,
  standInProvider,
  wireKey,
} from '../../tests/openrouter-bench'
import { listAllKeys, type KeyProvider } from './key-provider'
import { createOpenRouter } from './openrouter.server'

test('each failure of POST /keys has its name', async () => {
  await using world = await standInProvider()
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

test('an unreachable provider has certainly done nothing', async () => {
  const provider = createOpenRouter({
    baseUrl: `http://127.0.0.1:${await freePort()}/api/v1`,
    managementKey,
  })
  const error = await failureOf(provider.createKey(keyInput()))
  expect(error.details).toMatchObject({ kind: 'retryable', reason: 'unreachable' })
  expectNoSecret(error)
})

test('unreadable answers become ProviderErrors that hold no piece of them', async () => {
  const created = JSON.stringify({ key: plaintext, data: { hash: 'h' } })
  const cases: [number, string, Parameters<typeof answering>[2]][] = [
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
    await using world = await answering(status, body, options)
    const error = await failureOf(world.provider.createKey(keyInput()))
    // This provider answers 400 to the list as well: what it refuses is not the request.
    expect(error.details.kind, `${status} ${body}`).toBe(status === 400 ? 'retryable' : 'ambiguous')
    expectNoSecret(error)
  }
})

test('a created key is kept although its answer is not the usual one', async () => {
  for (const [status, type] of [
    [201, 'application/json'],
    [200, 'application/json'],
    [201, 'text/plain'],
  ] as const) {
    await using world = await answering(
      status,
      JSON.stringify({ key: plaintext, data: { hash: 'abc' } }),
      { type },
    )
    expect(await world.provider.createKey(keyInput())).toMatchObject({ hash: 'abc', plaintext })
  }
})

test('an impossible amount and a list without an end are unreadable answers, for every call', async () => {
  const key = (usage: number) => wireKey({ usage })
  await using impossible = await answering(200, JSON.stringify({ data: [key(1e30)] }))
  expect((await failureOf(listAllKeys(impossible.provider))).details.reason).toBe(
    'unreadable-answer',
  )
  await using endless = await answering(
    200,
    JSON.stringify({ data: Array.from({ length: 100 }, () => key(0)) }),
  )
  expect((await failureOf(listAllKeys(endless.provider))).details.reason).toBe('unreadable-answer')
}, 60_000)

test('every call fails with a ProviderError when the answer is half a page of HTML', async () => {
  await using world = await answering(200, `<html>${managementKey}`, { type: 'text/html' })
  const { provider } = world
  const rules = { name: 'n', description: 'd', limit: 1n, allowedModels: ['a/b'] }
  const calls: ((provider: KeyProvider) => Promise<unknown>)[] = [
    (p) => listAllKeys(p),
    (p) => p.findKey('h'),
    (p) => p.updateKey('h', { disabled: true }),
    (p) => p.deleteKey('h'),
    (p) => p.listGuardrails(),
    (p) => p.createGuardrail(rules),
    (p) => p.updateGuardrail('00000000-0000-4000-8000-000000000000', rules),
    (p) => p.assignKeys('g', ['h']),
    (p) => p.unassignKeys('g', ['h']),
    (p) => p.listAssignedHashes('g'),
    (p) => p.readOwnKey(plaintext),
    (p) => p.tryOwnKey(plaintext, 'a/b'),
    (p) => p.readCredits(),
    (p) => p.listActivity({}),
    (p) => p.listModels(),
  ]
  for (const call of calls) expectNoSecret(await failureOf(call(provider)))
})
