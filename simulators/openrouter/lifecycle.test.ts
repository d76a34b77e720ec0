import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { failureOf, startBench, statusOf, type TestBench } from './testing.ts'

async function collect<T>(
  pages: AsyncIterable<{ result: { data: T[]; totalCount: number } }>,
): Promise<{ all: T[]; totals: number[] }> {
  const all: T[] = []
  const totals: number[] = []
  for await (const page of pages) {
    all.push(...page.result.data)
    totals.push(page.result.totalCount)
  }
  return { all, totals }
}

function createKey(bench: TestBench, name: string, more: object = {}) {
  return bench.management.apiKeys.create({ requestBody: { name, limit: 2, ...more } })
}

test('a key is made with every field the SDK needs, and its hash is the sha256 of its plaintext', async () => {
  await using bench = await startBench()
  const expiresAt = new Date(Date.now() + 3_600_000)
  const made = await createKey(bench, 'first', { expiresAt })
  expect(made.key).toMatch(/^sk-or-v1-[0-9a-f]{64}$/)
  expect(made.data).toMatchObject({
    name: 'first',
    limit: 2,
    limitRemaining: 2,
    limitReset: null,
    disabled: false,
    usage: 0,
    updatedAt: null,
    expiresAt,
    hash: createHash('sha256').update(made.key).digest('hex'),
    externalUser: null,
  })
  expect(made.data.label).toBe(`${made.key.slice(0, 12)}...${made.key.slice(-4)}`)
  expect((await bench.management.apiKeys.get({ hash: made.data.hash })).data).toEqual(made.data)
})

test('keys are listed a hundred a page, newest first, disabled ones only when asked for', async () => {
  await using bench = await startBench()
  await bench.sim('POST', 'keys', { prefix: 'seeded-', count: 120 })
  const newest = await createKey(bench, 'newest')
  await bench.management.apiKeys.update({ hash: newest.data.hash, requestBody: { disabled: true } })
  const list = async (offset: number, includeDisabled: boolean) =>
    (await bench.management.apiKeys.list({ offset, includeDisabled })).data.map((key) => key.name)
  expect(await list(0, false)).toHaveLength(100)
  expect((await list(0, false))[0]).toBe('seeded-120')
  expect((await list(0, true))[0]).toBe('newest')
  const both = [...(await list(0, true)), ...(await list(100, true))]
  expect(both).toHaveLength(121)
  expect(new Set(both).size).toBe(121)
  expect(both.at(-1)).toBe('seeded-1')
})

test('a patch keeps what it omits and clears what it sets to null, and the expiry cannot be changed', async () => {
  await using bench = await startBench()
  const {
    data: { hash, expiresAt },
  } = await createKey(bench, 'old', {
    limitReset: 'daily',
    expiresAt: new Date(Date.now() + 60_000),
  })
  const { data } = await bench.management.apiKeys.update({
    hash,
    requestBody: { name: 'new', limit: null },
  })
  expect(data).toMatchObject({
    name: 'new',
    limit: null,
    limitRemaining: null,
    limitReset: 'daily',
  })
  expect(data.updatedAt).not.toBeNull()
  await bench.raw('PATCH', `/keys/${hash}`, { expires_at: '2099-01-01T00:00:00Z' })
  expect((await bench.management.apiKeys.get({ hash })).data.expiresAt).toEqual(expiresAt)
})

test('a deleted key is gone for every call, and stays in the ledger of the stand-in', async () => {
  await using bench = await startBench()
  const {
    data: { hash },
    key,
  } = await createKey(bench, 'short-lived')
  expect(await bench.management.apiKeys.delete({ hash })).toEqual({ deleted: true })
  expect(await failureOf(bench.management.apiKeys.delete({ hash }))).toMatchObject({
    status: 404,
    name: 'NotFoundResponseError',
    message: 'Resource not found',
  })
  expect(await statusOf(bench.management.apiKeys.get({ hash }))).toBe(404)
  expect(await statusOf(bench.as(key).apiKeys.getCurrentKeyMetadata())).toBe(401)
  const ledger = await bench.sim<{
    keys: { hash: string; deleted_at: string | null; key?: string }[]
  }>('GET', 'keys')
  expect(ledger.keys).toMatchObject([{ hash, deleted_at: expect.any(String) as string }])
  expect(ledger.keys[0]?.key).toBeUndefined()
})

test.each([
  ['no name', {}],
  ['an empty name', { name: '' }],
  ['a negative limit', { name: 'x', limit: -1 }],
  ['a limit as text', { name: 'x', limit: '2' }],
  ['an unknown reset', { name: 'x', limit_reset: 'yearly' }],
  ['an expiry with an offset', { name: 'x', expires_at: '2099-01-01T00:00:00+00:00' }],
  ['an expiry without seconds', { name: 'x', expires_at: '2099-01-01T00:00Z' }],
  ['an expiry on no day', { name: 'x', expires_at: '2099-02-30T00:00:00Z' }],
  ['an expiry in the past', { name: 'x', expires_at: '2020-01-01T00:00:00Z' }],
  ['an unknown workspace', { name: 'x', workspace_id: '00000000-0000-4000-8000-000000000000' }],
  ['malformed JSON', '{"name":'],
  ['a list instead of an object', '[]'],
])('a key is not made from %s', async (_, body) => {
  await using bench = await startBench()
  const answer = await bench.raw('POST', '/keys', body)
  expect(answer).toMatchObject({
    status: 400,
    body: {
      error: { code: 400, message: expect.any(String) as string },
      user_id: expect.any(String) as string,
    },
  })
  expect(await bench.sim('GET', 'keys')).toMatchObject({ count: 0 })
})

test('making a key ignores guardrail_ids in silence', async () => {
  await using bench = await startBench()
  const guardrail = await bench.management.guardrails.create({
    createGuardrailRequest: { name: 'workshop-a' },
  })
  expect(
    (await bench.raw('POST', '/keys', { name: 'x', guardrail_ids: [guardrail.data.id] })).status,
  ).toBe(201)
  expect((await collect(await bench.management.guardrails.listKeyAssignments())).all).toEqual([])
})

test('a guardrail answers with canonical slugs, and a patch replaces lists and keeps the rest', async () => {
  await using bench = await startBench()
  const { data } = await bench.management.guardrails.create({
    createGuardrailRequest: {
      name: 'workshop-a',
      limitUsd: 2,
      resetInterval: 'daily',
      allowedModels: ['openai/gpt-5.2', 'openai/gpt-5-nano'],
    },
  })
  expect(data).toMatchObject({
    limitUsd: 2,
    resetInterval: 'daily',
    allowedModels: ['openai/gpt-5.2-20251211', 'openai/gpt-5-nano-20250807'],
  })
  const patched = await bench.management.guardrails.update({
    id: data.id,
    updateGuardrailRequest: { allowedModels: ['deepseek/deepseek-v3.2'] },
  })
  expect(patched.data).toMatchObject({
    name: 'workshop-a',
    limitUsd: 2,
    allowedModels: ['deepseek/deepseek-v3.2-20251201'],
  })
  expect((await bench.management.guardrails.get({ id: data.id })).data).toEqual(patched.data)
})

test.each([
  ['a limit alone', { name: 'x', limit_usd: 5 }],
  ['an interval alone', { name: 'x', reset_interval: 'daily' }],
  ['an empty list of models', { name: 'x', allowed_models: [] }],
  ['an empty list of regions', { name: 'x', allowed_data_regions: [] }],
  ['an unknown model', { name: 'x', allowed_models: ['openai/gpt-9'] }],
  ['a name of 201 letters', { name: 'x'.repeat(201) }],
  ['a description of 1001 letters', { name: 'x', description: 'x'.repeat(1001) }],
  [
    'a filter that looks ahead',
    { name: 'x', content_filters: [{ pattern: 'a(?=b)', action: 'block' }] },
  ],
])('a guardrail is not made from %s', async (_, body) => {
  await using bench = await startBench()
  expect((await bench.raw('POST', '/guardrails', body)).status).toBe(400)
  expect((await bench.raw('GET', '/guardrails')).body).toEqual({ data: [], total_count: 0 })
})

test('a patch that sets only one of budget and interval is refused', async () => {
  await using bench = await startBench()
  const {
    data: { id },
  } = await bench.management.guardrails.create({
    createGuardrailRequest: { name: 'x', limitUsd: 2, resetInterval: 'daily' },
  })
  expect((await bench.raw('PATCH', `/guardrails/${id}`, { limit_usd: 3 })).status).toBe(400)
  expect(
    (await bench.raw('PATCH', `/guardrails/${id}`, { limit_usd: 3, reset_interval: 'weekly' }))
      .status,
  ).toBe(200)
  expect(
    (await bench.raw('PATCH', `/guardrails/${id}`, { limit_usd: null, reset_interval: null }))
      .status,
  ).toBe(200)
})

test('a key holds at most one guardrail, unknown hashes are not counted, and lists are paged', async () => {
  await using bench = await startBench()
  const { guardrails } = bench.management
  const first = (await guardrails.create({ createGuardrailRequest: { name: 'first' } })).data.id
  const second = (await guardrails.create({ createGuardrailRequest: { name: 'second' } })).data.id
  const seeded = await bench.sim<{ keys: { hash: string }[] }>('POST', 'keys', {
    prefix: 'k',
    count: 120,
  })
  const hashes = seeded.keys.map((key) => key.hash)
  expect(
    await guardrails.bulkAssignKeys({
      id: first,
      bulkAssignKeysRequest: { keyHashes: [...hashes, 'f'.repeat(64)] },
    }),
  ).toEqual({ assignedCount: 120 })
  const listed = await collect(await guardrails.listGuardrailKeyAssignments({ id: first }))
  expect(listed.all).toHaveLength(120)
  expect(listed.totals[0]).toBe(120)
  expect(listed.all[0]).toMatchObject({ guardrailId: first, keyName: 'k1', keyHash: hashes[0] })

  await guardrails.bulkAssignKeys({
    id: second,
    bulkAssignKeysRequest: { keyHashes: hashes.slice(0, 20) },
  })
  expect(
    (await collect(await guardrails.listGuardrailKeyAssignments({ id: first, limit: 100 }))).all,
  ).toHaveLength(100)
  expect((await collect(await guardrails.listKeyAssignments({ limit: 100 }))).all).toHaveLength(120)
  expect(
    await guardrails.bulkUnassignKeys({
      id: first,
      bulkUnassignKeysRequest: { keyHashes: hashes.slice(0, 30) },
    }),
  ).toEqual({ unassignedCount: 10 })

  await bench.management.apiKeys.delete({ hash: hashes[0] ?? '' })
  expect(
    (await collect(await guardrails.listGuardrailKeyAssignments({ id: second }))).all,
  ).toHaveLength(19)
  await guardrails.delete({ id: second })
  expect((await collect(await guardrails.listKeyAssignments({ limit: 100 }))).all).toHaveLength(90)
  expect(
    await statusOf(
      guardrails.bulkAssignKeys({ id: second, bulkAssignKeysRequest: { keyHashes: hashes } }),
    ),
  ).toBe(404)
  expect(
    (await bench.raw('POST', `/guardrails/${first}/assignments/keys`, { key_hashes: [] })).status,
  ).toBe(400)
  expect((await bench.raw('GET', '/guardrails?limit=101')).status).toBe(400)
})

test('each kind of caller meets its own refusal', async () => {
  await using bench = await startBench()
  const { key } = await createKey(bench, 'attendee')
  expect(await bench.raw('GET', '/keys', undefined, null)).toMatchObject({
    status: 401,
    body: { error: { message: 'Missing Authentication header' } },
  })
  expect(await bench.raw('GET', '/keys', undefined, 'sk-or-v1-nobody')).toMatchObject({
    status: 401,
    body: { error: { code: 401, message: 'User not found.' } },
  })
  expect(await bench.raw('POST', '/keys', { name: 'x' }, key)).toMatchObject({
    status: 403,
    body: { error: { code: 403, message: 'Only management keys can perform this operation' } },
  })
  expect(await bench.raw('GET', '/guardrails', undefined, key)).toMatchObject({ status: 403 })
  expect(await bench.raw('GET', '/credits', undefined, key)).toMatchObject({
    status: 200,
    body: { data: { total_credits: 0, total_usage: 0 } },
  })
  expect(await bench.raw('PUT', '/keys')).toMatchObject({ status: 405 })
  expect(await bench.raw('GET', '/nothing')).toMatchObject({ status: 404 })
})

test('management and attendee keys describe themselves', async () => {
  await using bench = await startBench()
  const { key } = await createKey(bench, 'attendee')
  expect((await bench.management.apiKeys.getCurrentKeyMetadata()).data).toMatchObject({
    isManagementKey: true,
    limit: null,
  })
  expect((await bench.as(key).apiKeys.getCurrentKeyMetadata()).data).toMatchObject({
    isManagementKey: false,
    limit: 2,
    limitRemaining: 2,
  })
})

test('workspaces keep their keys apart', async () => {
  await using bench = await startBench()
  const made = await bench.management.workspaces.create({
    createWorkspaceRequest: { name: 'PyCon', slug: 'pycon' },
  })
  const {
    data: { hash },
  } = await createKey(bench, 'theirs', { workspaceId: made.data.id })
  expect((await bench.management.apiKeys.list()).data).toEqual([])
  expect(
    (await bench.management.apiKeys.list({ workspaceId: made.data.id })).data.map(
      (key) => key.hash,
    ),
  ).toEqual([hash])
  expect((await bench.management.workspaces.get({ id: 'pycon' })).data.id).toBe(made.data.id)
  const pages = await collect(await bench.management.workspaces.list())
  expect(pages.totals).toEqual([2])
  const guardrail = await bench.management.guardrails.create({
    createGuardrailRequest: { name: 'default workspace' },
  })
  expect(
    await statusOf(
      bench.management.guardrails.bulkAssignKeys({
        id: guardrail.data.id,
        bulkAssignKeysRequest: { keyHashes: [hash] },
      }),
    ),
  ).toBe(403)
  expect((await bench.raw('DELETE', `/workspaces/${made.data.id}`)).status).toBe(400)
})
