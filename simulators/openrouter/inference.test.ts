import { expect, test } from 'vitest'
import { failureOf, sendChat, startBench, statusOf, streamChat, type TestBench } from './testing.ts'

const dayMs = 86_400_000
const sonnet = 'anthropic/claude-sonnet-4.6'
const nano = 'openai/gpt-5-nano'

async function makeAttendee(bench: TestBench, more: object = {}) {
  const { data, key } = await bench.management.apiKeys.create({
    requestBody: { name: 'attendee', limit: 2, ...more },
  })
  return { hash: data.hash, key, client: bench.as(key) }
}

async function usageOf(bench: TestBench, hash: string) {
  const { data } = await bench.management.apiKeys.get({ hash })
  return { usage: data.usage, daily: data.usageDaily, remaining: data.limitRemaining }
}

test('a chat costs exactly its tokens at list price, on the key, on the account and in the generation', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeAttendee(bench)
  const answer = await sendChat(client, sonnet, 'Write 100 tokens', 50)
  expect(answer.choices[0]).toMatchObject({
    finishReason: 'length',
    message: { role: 'assistant' },
  })
  expect(answer.usage).toMatchObject({
    promptTokens: 8,
    completionTokens: 50,
    totalTokens: 58,
    cost: 0.000774,
  })
  expect(await usageOf(bench, hash)).toEqual({
    usage: 0.000774,
    daily: 0.000774,
    remaining: 1.999226,
  })
  expect((await bench.management.credits.getCredits()).data).toEqual({
    totalCredits: 1000,
    totalUsage: 0.000774,
  })
  expect((await client.generations.getGeneration({ id: answer.id })).data).toMatchObject({
    totalCost: 0.000774,
    tokensCompletion: 50,
    streamed: false,
  })
})

test('a stream carries the same text and the same cost, the usage coming last', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeAttendee(bench)
  const stream = await streamChat(client, sonnet, 'Write 100 tokens', 50)
  let text = ''
  let cost: number | null | undefined
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    if (chunk.usage) cost = chunk.usage.cost
  }
  expect(text).toHaveLength(200)
  expect(cost).toBe(0.000774)
  expect((await usageOf(bench, hash)).usage).toBe(0.000774)
})

test('Claude Code is answered in its own form, plain and streamed, with x-api-key', async () => {
  await using bench = await startBench()
  const { key, hash } = await makeAttendee(bench)
  const post = (body: object, apiKey = key) =>
    fetch(`${bench.running.baseUrl}/messages`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const request = {
    model: sonnet,
    max_tokens: 20,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
  }
  expect(await (await post(request)).json()).toMatchObject({
    type: 'message',
    role: 'assistant',
    stop_reason: 'max_tokens',
    usage: { output_tokens: 20 },
  })
  const events = await (await post({ ...request, stream: true })).text()
  expect(events.match(/^event: \w+$/gm)?.at(0)).toBe('event: message_start')
  expect(events.match(/^event: \w+$/gm)?.at(-1)).toBe('event: message_stop')
  expect((await usageOf(bench, hash)).usage).toBeGreaterThan(0)
  expect(await (await post(request, 'sk-or-v1-nobody')).json()).toMatchObject({
    type: 'error',
    error: { type: 'authentication_error' },
  })
})

test('a key spends up to its cap: 402 when too little is left, 403 when nothing is', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeAttendee(bench, { limit: 0.002 })
  for (let index = 0; index < 2; index += 1) await sendChat(client, sonnet, 'Write 60 tokens', 60)
  expect(await failureOf(sendChat(client, sonnet, 'Write 60 tokens', 60))).toMatchObject({
    status: 402,
    message:
      'This request requires more credits, or fewer max_tokens. You requested up to 60 tokens, but can only afford 8. To increase, visit https://openrouter.ai/settings/keys and create a key with a higher total limit',
  })
  await bench.sim('POST', 'spend', { hash, usd: 0.001 })
  expect((await usageOf(bench, hash)).remaining).toBe(-0.000848)
  const refused = await failureOf(sendChat(client, nano, 'Hi', 1))
  expect(refused).toMatchObject({
    status: 403,
    message:
      'Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys',
  })
  expect(await statusOf(streamChat(client, nano, 'Hi'))).toBe(403)
  await bench.management.apiKeys.update({ hash, requestBody: { limit: 1 } })
  expect(await statusOf(sendChat(client, nano, 'Hi', 1))).toBe('succeeded')
})

test('without max_tokens the largest answer of the model must be affordable', async () => {
  await using bench = await startBench()
  const { client } = await makeAttendee(bench, { limit: 0.5 })
  expect((await failureOf(sendChat(client, sonnet, 'Hi'))).message).toContain(
    'You requested up to 64000 tokens',
  )
  expect(await statusOf(sendChat(client, nano, 'Hi'))).toBe('succeeded')
})

test('a disabled, an expired, a deleted, an unknown and a management key cannot infer', async () => {
  await using bench = await startBench()
  const disabled = await makeAttendee(bench)
  await bench.management.apiKeys.update({ hash: disabled.hash, requestBody: { disabled: true } })
  const expired = await makeAttendee(bench, { expiresAt: new Date(Date.now() + 60_000) })
  const deleted = await makeAttendee(bench)
  await bench.management.apiKeys.delete({ hash: deleted.hash })
  expect(await statusOf(sendChat(expired.client, nano, 'Hi', 1))).toBe('succeeded')
  await bench.sim('POST', 'clock', { offsetMs: 61_000 })
  for (const client of [
    disabled.client,
    expired.client,
    deleted.client,
    bench.as('sk-or-v1-unknown'),
    bench.management,
  ]) {
    expect(await failureOf(sendChat(client, nano, 'Hi', 1))).toMatchObject({
      status: 401,
      message: 'User not found.',
    })
  }
  expect((await bench.raw('GET', '/models', undefined, expired.key)).status).toBe(401)
})

test.each([
  ['daily', '2026-03-04T23:59:00Z', '2026-03-05T00:00:00Z'],
  ['weekly', '2026-03-08T23:59:00Z', '2026-03-09T00:00:00Z'],
  ['monthly', '2026-03-31T23:59:00Z', '2026-04-01T00:00:00Z'],
] as const)(
  'a %s limit is whole again when its window begins in UTC, and not before',
  async (limitReset, before, after) => {
    let now = Date.parse(before)
    await using bench = await startBench({ now: () => now })
    const { client, hash } = await makeAttendee(bench, { limitReset })
    await bench.sim('POST', 'spend', { hash, usd: 2 })
    now = Date.parse(after) - 1000
    expect((await failureOf(sendChat(client, nano, 'Hi', 1))).message).toContain(
      `(${limitReset} limit)`,
    )
    now = Date.parse(after)
    expect(await usageOf(bench, hash)).toMatchObject({ usage: 2, remaining: 2 })
    expect(await statusOf(sendChat(client, nano, 'Hi', 1))).toBe('succeeded')
  },
)

test('an allowlist admits exactly its models, by id or canonical slug, and never a free variant of them', async () => {
  await using bench = await startBench()
  const { client, hash, key } = await makeAttendee(bench)
  const {
    data: { id },
  } = await bench.management.guardrails.create({
    createGuardrailRequest: {
      name: 'w',
      allowedModels: [nano, 'meta-llama/llama-3.3-70b-instruct'],
    },
  })
  expect(await statusOf(sendChat(client, 'openai/gpt-5-mini', 'Hi', 1))).toBe('succeeded')
  await bench.management.guardrails.bulkAssignKeys({
    id,
    bulkAssignKeysRequest: { keyHashes: [hash] },
  })
  expect(await statusOf(sendChat(client, nano, 'Hi', 1))).toBe('succeeded')
  expect(await statusOf(sendChat(client, 'openai/gpt-5-nano-20250807', 'Hi', 1))).toBe('succeeded')
  expect(await failureOf(sendChat(client, 'openai/gpt-5-mini', 'Hi', 1))).toMatchObject({
    status: 404,
    message: expect.stringContaining('guardrail restrictions') as string,
  })
  expect(await statusOf(sendChat(client, 'meta-llama/llama-3.3-70b-instruct:free', 'Hi', 1))).toBe(
    404,
  )
  expect(await failureOf(sendChat(client, 'openai/gpt-9', 'Hi', 1))).toMatchObject({
    status: 400,
    message: 'openai/gpt-9 is not a valid model ID',
  })
  const listed = await client.models.listForUser({ bearer: key })
  expect(listed.result.data.map((model) => model.id).sort()).toEqual([
    'meta-llama/llama-3.3-70b-instruct',
    nano,
  ])
  expect((await bench.management.models.list()).result.totalCount).toBeGreaterThanOrEqual(15)
})

test('a guardrail budget is counted for each key alone and resets with its own window', async () => {
  await using bench = await startBench()
  const spender = await makeAttendee(bench)
  const neighbour = await makeAttendee(bench)
  const {
    data: { id },
  } = await bench.management.guardrails.create({
    createGuardrailRequest: { name: 'w', limitUsd: 1, resetInterval: 'daily' },
  })
  await bench.management.guardrails.bulkAssignKeys({
    id,
    bulkAssignKeysRequest: { keyHashes: [spender.hash, neighbour.hash] },
  })
  await bench.sim('POST', 'spend', { hash: spender.hash, usd: 1 })
  expect(await statusOf(sendChat(spender.client, nano, 'Hi', 1))).toBe(403)
  expect(await statusOf(sendChat(neighbour.client, nano, 'Hi', 1))).toBe('succeeded')
  await bench.sim('POST', 'clock', { offsetMs: dayMs })
  expect(await statusOf(sendChat(spender.client, nano, 'Hi', 1))).toBe('succeeded')
})

test("a workspace's default guardrail applies to keys without one, and counts a maker's keys together", async () => {
  await using bench = await startBench()
  const spender = await makeAttendee(bench)
  const neighbour = await makeAttendee(bench)
  const workspaces = await bench.raw('GET', '/workspaces')
  const id =
    (workspaces.body as { data: { default_guardrail_id: string }[] }).data[0]
      ?.default_guardrail_id ?? ''
  expect(await statusOf(bench.management.guardrails.get({ id }))).toBe(404)
  await bench.management.guardrails.update({
    id,
    updateGuardrailRequest: { allowedModels: [nano], limitUsd: 1, resetInterval: 'daily' },
  })
  expect((await bench.raw('PATCH', `/guardrails/${id}`, { name: 'mine' })).status).toBe(400)
  expect(await statusOf(sendChat(neighbour.client, sonnet, 'Hi', 1))).toBe(404)
  await bench.sim('POST', 'spend', { hash: spender.hash, usd: 1 })
  expect(await statusOf(sendChat(neighbour.client, nano, 'Hi', 1))).toBe(403)
})

test('an account without balance refuses, and one with too many requests in flight says when to retry', async () => {
  await using bench = await startBench()
  const { client, key } = await makeAttendee(bench)
  await bench.sim('POST', 'faults', { credits: 0 })
  expect(await failureOf(sendChat(client, nano, 'Hi', 1))).toMatchObject({
    status: 402,
    message: 'Insufficient credits. Add more using https://openrouter.ai/credits',
  })
  await bench.sim('POST', 'faults', { credits: 100, inFlightBudget: 0.01, inferenceMs: 300 })
  const request = { model: sonnet, max_tokens: 500, messages: [{ role: 'user', content: 'Hi' }] }
  const answers = await Promise.all(
    [1, 2].map(() => bench.raw('POST', '/chat/completions', request, key)),
  )
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 402])
  const refused = answers.find((answer) => answer.status === 402)
  expect(refused?.headers.get('retry-after')).toBe('1')
  expect(refused?.body).toMatchObject({
    error: { metadata: { reason: 'in_flight_budget_exhausted' } },
  })
})

test('activity tells of completed days only', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeAttendee(bench)
  await sendChat(client, sonnet, 'Write 100 tokens', 50)
  expect((await bench.management.analytics.getUserActivity({})).data).toEqual([])
  await bench.sim('POST', 'clock', { offsetMs: dayMs })
  const rows = (await bench.management.analytics.getUserActivity({ apiKeyHash: hash })).data
  expect(rows).toMatchObject([
    {
      model: sonnet,
      modelPermaslug: 'anthropic/claude-sonnet-4.6-20260217',
      requests: 1,
      usage: 0.000774,
      completionTokens: 50,
    },
  ])
})

test('free models cost nothing and stop after twenty a minute', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeAttendee(bench)
  for (let index = 0; index < 20; index += 1)
    await sendChat(client, 'deepseek/deepseek-r1-0528:free', 'Hi', 1)
  expect(await statusOf(sendChat(client, 'deepseek/deepseek-r1-0528:free', 'Hi', 1))).toBe(429)
  expect((await usageOf(bench, hash)).usage).toBe(0)
})
