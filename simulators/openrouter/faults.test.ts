import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  failureOf,
  makeClient,
  startBench,
  statusOf,
  streamChat,
  type TestBench,
} from './testing.ts'

function create(bench: TestBench, name: string) {
  return bench.management.apiKeys.create({ requestBody: { name } })
}

async function countKeys(bench: TestBench): Promise<number> {
  return (await bench.sim<{ live: number }>('GET', 'keys')).live
}

test.each([
  [{ fault: '429', retryAfterSeconds: 2 }, 429, 0],
  [{ fault: '401' }, 401, 0],
  [{ fault: '402' }, 'OpenRouterDefaultError', 0],
  [{ fault: '403', message: 'No.' }, 403, 0],
  [{ fault: '500' }, 500, 0],
  [{ fault: 'refuse', status: 503 }, 503, 0],
  [{ fault: '502-html' }, 502, 0],
  [{ fault: 'reset-before' }, 'ConnectionError', 0],
  [{ fault: '500-after' }, 500, 1],
  [{ fault: 'reset-after' }, 'ConnectionError', 1],
  [{ fault: 'drop-field' }, 201, 1],
  [{ fault: 'drop-field', field: 'key' }, 201, 1],
  [{ fault: 'extra-fields' }, 'succeeded', 1],
])('making a key under %j ends as %s and leaves %i keys', async (rule, outcome, keys) => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', { rules: [{ match: 'POST /keys', times: 1, ...rule }] })
  const made = create(bench, 'x')
  if (outcome === 'OpenRouterDefaultError')
    expect(await failureOf(made)).toMatchObject({ name: outcome, status: 402 })
  else expect(await statusOf(made)).toBe(outcome)
  expect(await countKeys(bench)).toBe(keys)
  expect(await statusOf(create(bench, 'y'))).toBe('succeeded')
})

test('an unreadable 201 is no answer, though the key exists', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', { rules: [{ match: 'POST /keys', fault: 'unreadable' }] })
  expect(await statusOf(create(bench, 'x'))).not.toBe('succeeded')
  expect(await countKeys(bench)).toBe(1)
})

test('a late answer comes after the timeout of the caller, and the key exists at once', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', {
    rules: [
      { match: 'POST /keys', fault: 'late', delayMs: 400 },
      { match: 'GET /keys', fault: 'hang' },
    ],
  })
  const hurried = makeClient(bench.running.baseUrl, bench.running.managementKey)
  expect(
    await statusOf(hurried.apiKeys.create({ requestBody: { name: 'x' } }, { timeoutMs: 100 })),
  ).toBe('RequestTimeoutError')
  expect(await countKeys(bench)).toBe(1)
  expect(await statusOf(create(bench, 'y'))).toBe('succeeded')
  expect(await statusOf(hurried.apiKeys.list({}, { timeoutMs: 100 }))).toBe('RequestTimeoutError')
})

test('a 429 carries Retry-After when it is told to, and none when not', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', {
    rules: [
      { match: 'GET /keys*', fault: '429', retryAfterSeconds: 3, times: 1 },
      { match: '* /keys', fault: '429' },
    ],
  })
  const first = await bench.raw('GET', '/keys')
  const second = await bench.raw('GET', '/keys')
  expect([first.headers.get('retry-after'), second.headers.get('retry-after')]).toEqual(['3', null])
  expect(second.body).toMatchObject({
    error: {
      code: 429,
      message: 'Rate limit exceeded',
      metadata: { error_type: 'rate_limit_exceeded' },
    },
  })
})

test('the same seed gives the same faults', async () => {
  await using bench = await startBench()
  const statuses = async (seed: number) => {
    await bench.sim('POST', 'faults', { seed, rules: [{ match: '*', fault: '500', rate: 0.5 }] })
    const seen: number[] = []
    for (let index = 0; index < 20; index += 1)
      seen.push((await bench.raw('GET', '/models/count')).status)
    return seen.join()
  }
  const first = await statuses(7)
  expect(first).toContain('500')
  expect(first).toContain('200')
  expect(await statuses(7)).toBe(first)
  expect(await statuses(8)).not.toBe(first)
})

test('an assignment fails or counts fewer, and nothing else is affected', async () => {
  await using bench = await startBench()
  const { guardrails } = bench.management
  const {
    data: { id },
  } = await guardrails.create({ createGuardrailRequest: { name: 'w' } })
  const hashes = (await Promise.all([create(bench, 'a'), create(bench, 'b')])).map(
    (made) => made.data.hash,
  )
  const bind = () => guardrails.bulkAssignKeys({ id, bulkAssignKeysRequest: { keyHashes: hashes } })
  await bench.sim('POST', 'faults', { bindFails: { status: 403, message: 'Not today', times: 1 } })
  expect(await failureOf(bind())).toMatchObject({ status: 403, message: 'Not today' })
  await bench.sim('POST', 'faults', {
    bindFails: false,
    rules: [{ match: 'POST /guardrails/*/assignments/keys', fault: 'undercount', times: 1 }],
  })
  expect(await bind()).toEqual({ assignedCount: 1 })
  expect(await bind()).toEqual({ assignedCount: 2 })
})

test('reported usage trails by the lag while the cap holds at once', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', { usageLagMs: 60_000 })
  const {
    data: { hash },
    key,
  } = await bench.management.apiKeys.create({ requestBody: { name: 'x', limit: 1 } })
  await bench.sim('POST', 'spend', { hash, usd: 1 })
  expect((await bench.management.apiKeys.get({ hash })).data).toMatchObject({
    usage: 0,
    limitRemaining: 1,
  })
  expect(
    (
      await bench.raw(
        'POST',
        '/chat/completions',
        { model: 'openai/gpt-5-nano', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 },
        key,
      )
    ).status,
  ).toBe(403)
  await bench.sim('POST', 'clock', { offsetMs: 61_000 })
  expect((await bench.management.apiKeys.get({ hash })).data).toMatchObject({
    usage: 1,
    limitRemaining: 0,
  })
})

test('inference may be down, or break in the middle of a stream', async () => {
  await using bench = await startBench()
  const { key } = await create(bench, 'x')
  const request = {
    model: 'openai/gpt-5-nano',
    messages: [{ role: 'user', content: 'Hi' }],
    stream: true,
  }
  await bench.sim('POST', 'faults', { inferenceDown: true })
  expect((await bench.raw('POST', '/chat/completions', request, key)).status).toBe(502)
  await bench.sim('POST', 'faults', {
    inferenceDown: false,
    rules: [{ match: 'POST /chat/completions', fault: 'mid-stream-error' }],
  })
  const stream = await streamChat(bench.as(key), request.model, 'Hi')
  const reasons: unknown[] = []
  for await (const chunk of stream)
    reasons.push(chunk.error?.code ?? chunk.choices[0]?.finishReason ?? null)
  expect(reasons.at(-1)).toBe(502)
})

test('unknown fault settings are refused, and DELETE puts everything back', async () => {
  await using bench = await startBench()
  await expect(bench.sim('POST', 'faults', { latency: 5 })).rejects.toThrow(
    'Unknown fault setting: latency',
  )
  await expect(
    bench.sim('POST', 'faults', { rules: [{ match: '*', fault: 'explode' }] }),
  ).rejects.toThrow('400')
  await bench.sim('POST', 'faults', { rules: [{ match: '*', fault: '500' }] })
  expect(await statusOf(bench.management.credits.getCredits())).toBe(500)
  await bench.sim('DELETE', 'faults')
  expect(await statusOf(bench.management.credits.getCredits())).toBe('succeeded')
})

test('calls are counted by endpoint and status', async () => {
  await using bench = await startBench()
  await create(bench, 'x')
  await bench.raw('GET', `/keys/${'0'.repeat(64)}`)
  expect(await bench.sim('GET', 'calls')).toMatchObject({
    counts: { 'POST /keys': 1, 'GET /keys/{hash}': 1 },
    statuses: { 'GET /keys/{hash}': { 404: 1 } },
    running: 0,
    last: [
      { endpoint: 'POST /keys', status: 201 },
      { endpoint: 'GET /keys/{hash}', status: 404 },
    ],
  })
  await bench.sim('DELETE', 'calls')
  expect(await bench.sim('GET', 'calls')).toMatchObject({ counts: {}, last: [] })
})

test('a limit of keys at once refuses the next one at once, and takes it when one has ended', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', { createsAtOnce: 2, latencyMs: 600 })
  const startedAt = performance.now()
  const both = [create(bench, 'a'), create(bench, 'b')].map(statusOf)
  await sleep(40)
  expect(await failureOf(create(bench, 'c'))).toMatchObject({ status: 429 })
  expect(performance.now() - startedAt).toBeLessThan(600)
  expect(await Promise.all(both)).toEqual(['succeeded', 'succeeded'])
  expect(await statusOf(create(bench, 'd'))).toBe('succeeded')
  expect(await countKeys(bench)).toBe(3)
})

test('a token bucket takes its burst, then what flows in, and lists are free', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'faults', { createsPerSecond: { rate: 4, burst: 2 } })
  const outcomes = []
  for (const name of ['a', 'b', 'c']) outcomes.push(await statusOf(create(bench, name)))
  expect(outcomes).toEqual(['succeeded', 'succeeded', 429])
  expect(await statusOf(bench.management.apiKeys.list())).toBe('succeeded')
  await sleep(300)
  expect(await statusOf(create(bench, 'd'))).toBe('succeeded')
})
