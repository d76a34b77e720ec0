/** `/responses`, and what the three forms of inference refuse alike. */
import { expect, test } from 'vitest'
import { startBench, type TestBench } from './testing.ts'

const sonnet = 'anthropic/claude-sonnet-4.6'
const nano = 'openai/gpt-5-nano'

async function makeAttendee(bench: TestBench) {
  const { data, key } = await bench.management.apiKeys.create({
    requestBody: { name: 'attendee', limit: 2 },
  })
  return { hash: data.hash, key, client: bench.as(key) }
}

async function usageOf(bench: TestBench, hash: string) {
  return { usage: (await bench.management.apiKeys.get({ hash })).data.usage }
}

test('Codex is answered in the form of /responses, plain and streamed, and pays for both', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeAttendee(bench)
  const request = {
    model: sonnet,
    instructions: 'Be short.',
    input: [{ role: 'user' as const, content: 'Write 100 tokens' }],
    maxOutputTokens: 50,
  }
  const plain = await client.responses.send({ responsesRequest: { ...request, stream: false } })
  expect(plain).toMatchObject({
    object: 'response',
    status: 'incomplete',
    incompleteDetails: { reason: 'max_output_tokens' },
    output: [{ type: 'message', content: [{ type: 'output_text' }] }],
    usage: { inputTokens: 15, outputTokens: 50, cost: 0.000795 },
  })
  expect((await usageOf(bench, hash)).usage).toBe(0.000795)

  const stream = await client.responses.send({
    responsesRequest: { ...request, maxOutputTokens: 200, stream: true },
  })
  const types: string[] = []
  let text = ''
  if (!(Symbol.asyncIterator in stream)) throw new Error('a stream was answered whole')
  for await (const event of stream) {
    if (types.at(-1) !== event.type) types.push(event.type)
    if (event.type === 'response.output_text.delta') text += event.delta
    if (event.type === 'response.completed')
      expect(event.response).toMatchObject({ status: 'completed', outputText: text })
  }
  expect(text).toHaveLength(400)
  expect(types).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
  expect((await usageOf(bench, hash)).usage).toBe(0.00234)
})

test('a stream of /responses that breaks says so, and costs what was sent', async () => {
  await using bench = await startBench()
  const { key, hash } = await makeAttendee(bench)
  await bench.sim('POST', 'faults', {
    rules: [{ match: 'POST /responses', fault: 'mid-stream-error' }],
  })
  const answer = await fetch(`${bench.running.baseUrl}/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: sonnet, input: 'Write 100 tokens', stream: true }),
  })
  expect(answer.status).toBe(200)
  const events = await answer.text()
  expect(events).toContain('event: response.failed')
  expect(events).not.toContain('event: response.completed')
  const { usage } = await usageOf(bench, hash)
  expect(usage).toBeGreaterThan(0.0005)
  expect(usage).toBeLessThan(0.0015)
})

test('the three forms of inference refuse alike: models, caps, credit, dead and management keys', async () => {
  await using bench = await startBench()
  const { data, key } = await bench.management.apiKeys.create({
    requestBody: { name: 'attendee', limit: 0.0001 },
  })
  const guardrail = await bench.raw('POST', '/guardrails', {
    name: 'workshop-one',
    allowed_models: [nano],
  })
  const { id } = (guardrail.body as { data: { id: string } }).data
  await bench.raw('POST', `/guardrails/${id}/assignments/keys`, { key_hashes: [data.hash] })
  const ask = (model: string, from = key) => {
    const messages = [{ role: 'user', content: 'Hi' }]
    return Promise.all(
      [
        ['/chat/completions', { model, messages, max_tokens: 100_000 }],
        ['/messages', { model, messages, max_tokens: 100_000 }],
        ['/responses', { model, input: 'Hi', max_output_tokens: 100_000 }],
      ].map(async ([path, body]) => bench.raw('POST', path as string, body, from)),
    )
  }
  const statuses = async (model: string, from = key) =>
    (await ask(model, from)).map(({ status }) => status)
  expect(await statuses('nobody/nothing')).toEqual([400, 400, 400])
  expect(await statuses(sonnet)).toEqual([404, 404, 404])
  expect(await statuses(nano), 'too little is left').toEqual([402, 402, 402])
  await bench.sim('POST', 'spend', { hash: data.hash, usd: 0.001 })
  expect(await statuses(nano), 'nothing is left').toEqual([403, 403, 403])
  await bench.raw('PATCH', `/keys/${data.hash}`, { limit: 1 })
  await bench.sim('POST', 'faults', { credits: 0 })
  expect(await statuses(nano), 'out of credit').toEqual([402, 402, 402])
  await bench.sim('POST', 'faults', { credits: 1000, inferenceDown: true })
  expect(await statuses(nano), 'the provider is down').toEqual([502, 502, 502])
  await bench.sim('POST', 'faults', { inferenceDown: false })
  await bench.raw('PATCH', `/keys/${data.hash}`, { disabled: true })
  expect(await statuses(nano), 'disabled').toEqual([401, 401, 401])
  expect(await statuses(nano, bench.running.managementKey)).toEqual([401, 401, 401])
})

test('a model that cannot answer is explained beside the message, with what the key may use instead', async () => {
  await using bench = await startBench()
  const { hash, key } = await makeAttendee(bench)
  const guardrail = await bench.raw('POST', '/guardrails', {
    name: 'workshop-one',
    allowed_models: [nano],
  })
  const { id } = (guardrail.body as { data: { id: string } }).data
  await bench.raw('POST', `/guardrails/${id}/assignments/keys`, { key_hashes: [hash] })
  const refusalOf = async (model: string) =>
    (await bench.raw('POST', '/responses', { model, input: 'Hi' }, key)).body
  expect(await refusalOf('nobody/nothing')).toMatchObject({
    error: {
      code: 400,
      message: 'nobody/nothing is not a valid model ID',
      availability: { code: 'model_not_found' },
    },
  })
  expect(await refusalOf(sonnet)).toMatchObject({
    error: {
      code: 404,
      availability: {
        code: 'constraint_filtered',
        excluded_by: ['guardrail'],
        fallback_models: [nano],
      },
    },
  })
})
