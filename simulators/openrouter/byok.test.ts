/** An account with provider keys of its own: what counts as credits, as BYOK, and toward a cap. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failureOf, sendChat, startBench, statusOf, type TestBench } from './testing.ts'

const dayMs = 86_400_000
const sonnet = 'anthropic/claude-sonnet-4.6'
const nano = 'openai/gpt-5-nano'

async function makeKey(bench: TestBench, more: object = {}) {
  const { data, key } = await bench.management.apiKeys.create({
    requestBody: { name: 'attendee', limit: 2, ...more },
  })
  return { hash: data.hash, client: bench.as(key), made: data }
}

async function readKey(bench: TestBench, hash: string) {
  const { data } = await bench.management.apiKeys.get({ hash })
  return { usage: data.usage, byok: data.byokUsage, remaining: data.limitRemaining }
}

const spend = (bench: TestBench, hash: string, usd: number, more: object = {}) =>
  bench.sim('POST', 'spend', { hash, usd, ...more })

test('an account without provider keys has no BYOK usage, and one with them says so of each request', async () => {
  await using bench = await startBench()
  const { client, hash } = await makeKey(bench)
  expect(await bench.sim('GET', 'byok')).toEqual({ share: 0, providers: null })
  const credits = await sendChat(client, sonnet, 'Write 100 tokens', 50)
  expect(credits.usage).toMatchObject({ cost: 0.000774, isByok: false })
  expect(await readKey(bench, hash)).toEqual({ usage: 0.000774, byok: 0, remaining: 1.999226 })

  await bench.sim('POST', 'byok', { share: 1 })
  const own = await sendChat(client, sonnet, 'Write 100 tokens', 50)
  expect(own.usage).toMatchObject({
    cost: 0,
    isByok: true,
    costDetails: { upstreamInferenceCost: 0.000774 },
  })
  expect((await client.generations.getGeneration({ id: own.id })).data).toMatchObject({
    isByok: true,
    totalCost: 0,
    upstreamInferenceCost: 0.000774,
  })
  expect(await readKey(bench, hash)).toEqual({
    usage: 0.000774,
    byok: 0.000774,
    remaining: 1.999226,
  })
  expect((await bench.management.credits.getCredits()).data.totalUsage).toBe(0.000774)
})

test('by default BYOK passes the cap: the key is served beyond it and reads as unused', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'byok', { share: 1 })
  const { client, hash, made } = await makeKey(bench)
  expect(made.includeByokInLimit).toBe(false)
  await spend(bench, hash, 5)
  expect(await readKey(bench, hash)).toEqual({ usage: 0, byok: 5, remaining: 2 })
  expect(await statusOf(sendChat(client, nano, 'Hi'))).toBe('succeeded')
})

test('with include_byok_in_limit BYOK counts toward the limit, from the create, a change or the list', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'byok', { share: 1 })
  const { client, hash, made } = await makeKey(bench, { includeByokInLimit: true })
  expect(made.includeByokInLimit).toBe(true)
  await spend(bench, hash, 1.5)
  await spend(bench, hash, 0.5, { byok: false })
  expect(await readKey(bench, hash)).toEqual({ usage: 0.5, byok: 1.5, remaining: 0 })
  expect(await failureOf(sendChat(client, nano, 'Hi'))).toMatchObject({
    status: 403,
    message: expect.stringContaining('Key limit exceeded') as string,
  })
  const change = (includeByokInLimit: boolean) =>
    bench.management.apiKeys.update({ hash, requestBody: { includeByokInLimit } })
  expect((await change(false)).data).toMatchObject({
    includeByokInLimit: false,
    limitRemaining: 1.5,
  })
  expect(await statusOf(sendChat(client, nano, 'Hi', 1))).toBe('succeeded')
  await change(true)
  const [listed] = (await bench.management.apiKeys.list()).data
  expect(listed).toMatchObject({ includeByokInLimit: true, limit: 2 })
  expect(listed?.limitRemaining).toBeLessThanOrEqual(0)
  const own = await client.apiKeys.getCurrentKeyMetadata()
  expect(own.data).toMatchObject({ includeByokInLimit: true, usage: 0.5 })
  expect(own.data.byokUsage).toBeGreaterThan(1.5)
})

test('an unlimited max_tokens is refused for what is left of a limit that counts BYOK', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'byok', { share: 1 })
  const counted = await makeKey(bench, { limit: 0.01, includeByokInLimit: true })
  const free = await makeKey(bench, { limit: 0.01 })
  expect(await statusOf(sendChat(counted.client, sonnet, 'Hi'))).toBe(402)
  expect(await statusOf(sendChat(free.client, sonnet, 'Hi'))).toBe('succeeded')
})

test('a share and a list of providers decide which requests are BYOK, the same in each run', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'byok', { share: 0.25, providers: ['openai'] })
  const { client, hash } = await makeKey(bench)
  const served: (boolean | undefined)[] = []
  for (let index = 0; index < 8; index += 1)
    served.push((await sendChat(client, nano, 'Hi', 1)).usage?.isByok ?? undefined)
  expect(served).toEqual([false, false, false, true, false, false, false, true])
  expect((await sendChat(client, sonnet, 'Hi', 1)).usage?.isByok).toBe(false)
  const { usage, byok } = await readKey(bench, hash)
  await spend(bench, hash, 1)
  await spend(bench, hash, 1, { model: sonnet })
  await spend(bench, hash, 1, { byok: true })
  const after = await readKey(bench, hash)
  expect(after.usage).toBeCloseTo(usage + 1.75, 9)
  expect(after.byok).toBeCloseTo(byok + 1.25, 9)
  expect((await bench.raw('GET', '/keys')).status).toBe(200)
  await expect(bench.sim('POST', 'byok', { share: 1.5 })).rejects.toThrow('400')
})

test('a guardrail budget counts BYOK only with include_byok_in_budgets', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'byok', { share: 1 })
  const { client, hash } = await makeKey(bench, { limit: null })
  const { data } = await bench.management.guardrails.create({
    createGuardrailRequest: { name: 'w', limitUsd: 1, resetInterval: 'daily' },
  })
  expect(data.includeByokInBudgets).toBe(false)
  await bench.management.guardrails.bulkAssignKeys({
    id: data.id,
    bulkAssignKeysRequest: { keyHashes: [hash] },
  })
  await spend(bench, hash, 3)
  expect(await statusOf(sendChat(client, nano, 'Hi'))).toBe('succeeded')
  const changed = await bench.management.guardrails.update({
    id: data.id,
    updateGuardrailRequest: { includeByokInBudgets: true },
  })
  expect(changed.data).toMatchObject({ includeByokInBudgets: true, limitUsd: 1 })
  expect(await failureOf(sendChat(client, nano, 'Hi'))).toMatchObject({
    status: 403,
    message: expect.stringContaining('Guardrail budget exceeded') as string,
  })
  await bench.sim('POST', 'clock', { offsetMs: dayMs })
  expect(await statusOf(sendChat(client, nano, 'Hi'))).toBe('succeeded')
})

test('BYOK usage is counted by day, week and month in UTC, and its reading lags as that of credits', async () => {
  await using bench = await startBench({ now: () => Date.parse('2026-01-31T23:00:00Z') })
  const { hash } = await makeKey(bench, { limitReset: 'daily', includeByokInLimit: true })
  await spend(bench, hash, 1, { byok: true })
  await bench.sim('POST', 'clock', { offsetMs: 2 * 3_600_000 })
  await bench.sim('POST', 'faults', { usageLagMs: 60_000 })
  await spend(bench, hash, 0.25, { byok: true })
  const read = async () => (await bench.management.apiKeys.get({ hash })).data
  expect(await read()).toMatchObject({ byokUsage: 1, byokUsageDaily: 0, limitRemaining: 2 })
  await bench.sim('POST', 'clock', { offsetMs: 2 * 3_600_000 + 61_000 })
  // Sunday the first of February: the week began in January.
  expect(await read()).toMatchObject({
    usage: 0,
    byokUsage: 1.25,
    byokUsageDaily: 0.25,
    byokUsageWeekly: 1.25,
    byokUsageMonthly: 0.25,
    limitRemaining: 1.75,
  })
})

test('activity names credits and BYOK apart, and a seeded key may have both', async () => {
  await using bench = await startBench()
  const { hash } = await makeKey(bench)
  await spend(bench, hash, 1, { byok: true })
  await spend(bench, hash, 0.5)
  await bench.sim('POST', 'clock', { offsetMs: dayMs })
  expect((await bench.management.analytics.getUserActivity({})).data).toMatchObject([
    { model: nano, usage: 0.5, byokUsageInference: 1 },
  ])
  await bench.sim('POST', 'keys', {
    keys: [{ name: 'old', limit: 2, usage: 0.5, byok_usage: 1, include_byok_in_limit: true }],
  })
  const { keys } = await bench.sim<{ keys: object[] }>('GET', 'keys?name=old')
  expect(keys).toMatchObject([{ usage: 0.5, byok_usage: 1, include_byok_in_limit: true }])
})

test('the switch, the flag and BYOK usage survive a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'keymint-byok-'))
  let hash = ''
  {
    await using bench = await startBench({ dataDir })
    await bench.sim('POST', 'byok', { share: 1, providers: ['openai'] })
    hash = (await makeKey(bench, { includeByokInLimit: true })).hash
    await spend(bench, hash, 1.25)
  }
  for (let restart = 0; restart < 2; restart += 1) {
    await using bench = await startBench({ dataDir })
    expect(await bench.sim('GET', 'byok')).toEqual({ share: 1, providers: ['openai'] })
    expect(await readKey(bench, hash)).toEqual({ usage: 0, byok: 1.25, remaining: 0.75 })
  }
  await rm(dataDir, { recursive: true })
})
