/**
 * The stand-in for LiteLLM against what LiteLLM documents: shapes, refusals, budgets, resets, and a
 * SIGKILL in the middle of the work.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { startLiteLlm, type LiteLlmOptions } from './server.ts'
import { hashOf } from './store.ts'

type Answer = {
  status: number
  body: Record<string, unknown> & { error?: Record<string, unknown> }
}

async function startBench(options: LiteLlmOptions = {}) {
  const running = await startLiteLlm(options)
  const call = async (
    method: string,
    path: string,
    body?: object,
    key: string | null = running.masterKey,
  ): Promise<Answer> => {
    const response = await fetch(`${running.baseUrl}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        'content-type': 'application/json',
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
  const make = async (body: object) =>
    (await call('POST', '/key/generate', body)).body as Record<string, string>
  const chat = (key: string, model = 'gpt-5-nano') =>
    call('POST', '/chat/completions', { model, messages: [{ role: 'user', content: 'Hi' }] }, key)
  return { running, call, make, chat, [Symbol.asyncDispose]: () => running.stop() }
}

test('a key is shown once, its token is its SHA-256, and it is found again by the token', async () => {
  await using bench = await startBench()
  const made = await bench.make({
    key_alias: 'team/a',
    max_budget: 1.5,
    budget_duration: '1mo',
    duration: '30m',
    models: ['gpt-5-nano'],
    metadata: { by: 'keymint' },
  })
  expect(made.key).toMatch(/^sk-/)
  expect(made.token).toBe(hashOf(made.key!))
  expect(made.key_name).toBe(`sk-...${made.key!.slice(-4)}`)
  const info = await bench.call('GET', `/key/info?key=${made.token}`)
  expect(info.body).toMatchObject({
    key: made.token,
    info: {
      key_alias: 'team/a',
      spend: 0,
      max_budget: 1.5,
      budget_duration: '1mo',
      models: ['gpt-5-nano'],
      blocked: null,
    },
  })
  expect(info.body.info as object).not.toHaveProperty('token')
  expect(JSON.stringify(info.body)).not.toContain(made.key)
  const list = await bench.call('GET', '/key/list?return_full_object=true')
  expect(list.body).toMatchObject({
    total_count: 1,
    current_page: 1,
    total_pages: 1,
    keys: [{ token: made.token }],
  })
  expect((await bench.call('GET', '/key/list')).body.keys).toEqual([made.token])
})

test('refusals have the shape and the status that LiteLLM gives them', async () => {
  await using bench = await startBench()
  const { call } = bench
  await bench.make({ key_alias: 'taken' })
  const made = await bench.make({ key_alias: 'other', key_type: 'llm_api' })
  const table: [Promise<Answer>, number, object][] = [
    [
      call('POST', '/key/generate', { key_alias: 'taken' }),
      400,
      {
        error: {
          message:
            "Key with alias 'taken' already exists. Unique key aliases across all keys are required.",
          type: 'bad_request_error',
          param: 'key_alias',
          code: '400',
        },
      },
    ],
    [
      call('POST', '/key/generate', {}, null),
      401,
      { error: { message: 'Authentication Error, No api key passed in.', code: '401' } },
    ],
    [
      call('POST', '/key/generate', {}, 'sk-wrong'),
      401,
      { error: { type: 'token_not_found_in_db', code: '401' } },
    ],
    [call('GET', '/key/list', undefined, made.key), 403, { error: { type: 'auth_error' } }],
    [
      call('POST', '/key/generate', { max_budget: 'much' }),
      422,
      { detail: [{ loc: ['body', 'max_budget'] }] },
    ],
    [call('POST', '/key/generate', { duration: 'soon' }), 400, { error: { param: 'duration' } }],
    [call('POST', '/key/update', { max_budget: 1 }), 422, { detail: [{ loc: ['body', 'key'] }] }],
    [call('POST', '/key/update', { key: 'no such', max_budget: 1 }), 404, {}],
    [
      call('POST', '/key/delete', { keys: ['no such'] }),
      404,
      { error: { message: "{'error': 'No keys found'}" } },
    ],
    [
      call('GET', '/key/info?key=nosuch'),
      404,
      { error: { message: 'Key not found in database', type: 'not_found_error' } },
    ],
    [call('POST', '/key/unblock', { key: made.token }), 404, {}],
    [call('GET', '/key/generate'), 405, {}],
    [call('GET', '/nothing'), 404, {}],
  ]
  for (const [answer, status, body] of table) {
    const given = await answer
    expect(given.status, JSON.stringify(given.body)).toBe(status)
    expect(given.body).toMatchObject(body)
  }
  expect((await call('GET', '/health/readiness', undefined, null)).body).toMatchObject({
    status: 'healthy',
    db: 'connected',
  })
})

test('a key spends up to its budget, on its models only, and not when blocked or expired', async () => {
  await using bench = await startBench()
  const made = await bench.make({ max_budget: 0.00003, models: ['gpt-5-nano'] })
  expect((await bench.chat(made.key!)).status).toBe(200)
  expect((await bench.chat(made.key!, 'mistral-small')).body.error).toMatchObject({
    type: 'key_model_access_denied',
  })
  expect((await bench.chat(made.key!)).status).toBe(200)
  expect(await bench.chat(made.key!)).toMatchObject({
    status: 429,
    body: { error: { type: 'budget_exceeded' } },
  })
  const raised = await bench.call('POST', '/key/update', { key: made.token, max_budget: 1 })
  expect(raised.body).toMatchObject({ key: made.token, max_budget: 1 })
  expect((await bench.chat(made.key!)).status).toBe(200)
  expect((await bench.call('POST', '/key/block', { key: made.token })).body).toMatchObject({
    blocked: true,
  })
  expect((await bench.chat(made.key!)).body.error?.message).toContain('Key is blocked')
  await bench.call('POST', '/key/unblock', { key: made.key })
  expect((await bench.chat(made.key!)).status).toBe(200)
  expect((await bench.call('POST', '/key/delete', { keys: [made.token] })).body).toEqual({
    deleted_keys: [made.token],
  })
  expect((await bench.chat(made.key!)).body.error).toMatchObject({ type: 'token_not_found_in_db' })
  const short = await bench.make({ duration: '60s' })
  await bench.call('POST', '/__sim/clock', { offsetMs: 61_000 })
  expect((await bench.chat(short.key!)).body.error).toMatchObject({ type: 'expired_key' })
})

test('budgets and spend reset at the UTC month, once the reset job has run', async () => {
  const at = Date.parse('2026-01-31T23:59:00Z')
  await using bench = await startBench({ now: () => at })
  const made = await bench.make({ max_budget: 5, budget_duration: '1mo' })
  const weekly = await bench.make({ max_budget: 5, budget_duration: '7d' })
  await bench.call('POST', '/__sim/spend', { hash: made.token, usd: 2 })
  const info = async (token: string) =>
    (await bench.call('GET', `/key/info?key=${token}`)).body.info as {
      spend: number
      budget_reset_at: string
    }
  expect(await info(made.token!)).toMatchObject({
    spend: 2,
    budget_reset_at: '2026-02-01T00:00:00.000000Z',
  })
  expect((await info(weekly.token!)).budget_reset_at).toBe('2026-02-02T00:00:00.000000Z')
  await bench.call('POST', '/__sim/resets', { held: true })
  await bench.call('POST', '/__sim/clock', { offsetMs: 120_000 })
  expect(await info(made.token!)).toMatchObject({
    spend: 2,
    budget_reset_at: '2026-02-01T00:00:00.000000Z',
  })
  await bench.call('POST', '/__sim/resets', { held: false })
  expect(await info(made.token!)).toMatchObject({
    spend: 0,
    budget_reset_at: '2026-03-01T00:00:00.000000Z',
  })
})

test('the list has pages of a hundred at most, newest first unless asked otherwise', async () => {
  let at = 0
  await using bench = await startBench({ now: () => Date.parse('2026-01-01T00:00:00Z') + at++ })
  for (let index = 0; index < 5; index++) await bench.make({ key_alias: `key-${index}` })
  expect((await bench.call('GET', '/key/list?size=101')).status).toBe(400)
  const first = await bench.call('GET', '/key/list?size=2&return_full_object=true')
  expect(first.body).toMatchObject({
    total_count: 5,
    total_pages: 3,
    keys: [{ key_alias: 'key-4' }, { key_alias: 'key-3' }],
  })
  const last = await bench.call(
    'GET',
    '/key/list?size=2&page=3&sort_by=created_at&sort_order=asc&return_full_object=true',
  )
  expect(last.body.keys).toMatchObject([{ key_alias: 'key-4' }])
  expect(
    (await bench.call('GET', '/key/list?key_alias=key-2&return_full_object=true')).body.keys,
  ).toMatchObject([{ key_alias: 'key-2' }])
})

test('faults work here too: the work is done, and its answer is lost, late, cut or lacks a field', async () => {
  await using bench = await startBench()
  const fault = (rule: object) =>
    bench.call('POST', '/__sim/faults', {
      rules: [{ match: 'POST /key/generate', times: 1, ...rule }],
    })
  await fault({ fault: 'reset-after' })
  await expect(bench.make({ key_alias: 'lost' })).rejects.toThrow()
  await fault({ fault: '500-after' })
  expect((await bench.call('POST', '/key/generate', { key_alias: 'failed' })).status).toBe(500)
  await fault({ fault: 'unreadable' })
  await expect(bench.make({ key_alias: 'cut' })).rejects.toThrow()
  await fault({ fault: 'drop-field', field: 'token' })
  expect(
    (await bench.call('POST', '/key/generate', { key_alias: 'poorer' })).body,
  ).not.toHaveProperty('token')
  await fault({ fault: '429', retryAfterSeconds: 3 })
  expect(await bench.call('POST', '/key/generate', { key_alias: 'slower' })).toMatchObject({
    status: 429,
    body: { error: { code: '429' } },
  })
  const list = await bench.call('GET', '/key/list?return_full_object=true')
  expect((list.body.keys as { key_alias: string }[]).map((key) => key.key_alias).sort()).toEqual([
    'cut',
    'failed',
    'lost',
    'poorer',
  ])
})

test('what was answered survives a SIGKILL in the middle of the work', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'keymint-litellm-'))
  const spawnStandIn = async () => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'main.ts')],
      {
        env: { ...process.env, SIM_LITELLM_PORT: '0', SIM_LITELLM_DATA_DIR: dataDir },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    for await (const line of createInterface({ input: child.stdout }))
      return { child, ...(JSON.parse(line) as { baseUrl: string; masterKey: string }) }
    throw new Error('the stand-in ended before it listened')
  }
  const first = await spawnStandIn()
  const answered: string[] = []
  const headers = { authorization: `Bearer ${first.masterKey}`, 'content-type': 'application/json' }
  const burst = Array.from({ length: 200 }, (_, index) =>
    fetch(`${first.baseUrl}/key/generate`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ key_alias: `k${index}x` }),
    }).then(
      async (response) => void answered.push(((await response.json()) as { token: string }).token),
      () => undefined,
    ),
  )
  await expect.poll(() => answered.length, { interval: 1 }).toBeGreaterThan(20)
  const ended = new Promise((resolve) => first.child.once('exit', resolve))
  first.child.kill('SIGKILL')
  await ended
  await Promise.all(burst)
  const second = await spawnStandIn()
  expect(second.masterKey).toBe(first.masterKey)
  const listed = await Promise.all(
    [1, 2].map(
      async (page) =>
        (
          (await (
            await fetch(`${second.baseUrl}/key/list?size=100&page=${page}`, { headers })
          ).json()) as { keys: string[] }
        ).keys,
    ),
  )
  const known = new Set(listed.flat())
  expect(answered.filter((token) => !known.has(token))).toEqual([])
  second.child.kill('SIGKILL')
  await rm(dataDir, { recursive: true, force: true })
}, 30_000)
