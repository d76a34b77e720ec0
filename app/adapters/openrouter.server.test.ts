/** What the calls return, also when a list holds a key that cannot be read. */
import { listAllKeys } from './key-provider'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import {
  answering,
  keyInput,
  managementKey,
  standInProvider,
  wireKey,
} from '../../tests/openrouter-bench'
import { createOpenRouter } from './openrouter.server'

test('an unreadable key in a list is left out and counted, and the others are read', async () => {
  const warned: object[] = []
  const good = ['a', 'b'].map((hash) =>
    wireKey({ hash, limit: 2.5, expires_at: '2026-02-01T00:00:00Z' }),
  )
  const unreadable = [
    wireKey({ hash: 7 }),
    wireKey({ usage: 'much' }),
    wireKey({ hash: 'x', usage: 1e30 }),
    wireKey({ hash: 'y', created_at: 'once' }),
    wireKey({ hash: 'z', limit: undefined }),
    null,
    'key',
  ]
  for (const items of [
    [...unreadable, ...good],
    [good[0], wireKey({ hash: 'x', usage: 1e30 }), good[1]],
  ]) {
    await using world = await answering(200, JSON.stringify({ data: items }), {
      log: { warn: (facts: object) => void warned.push(facts) },
    })
    const read = await listAllKeys(world.provider)
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
  await using narrow = await answering(
    200,
    JSON.stringify({ data: good.map(({ external_user: _gone, ...key }) => key) }),
  )
  expect(await listAllKeys(narrow.provider)).toHaveLength(2)
})

test('one key is read though a field that we do not need has gone', async () => {
  await using world = await standInProvider()
  const { hash } = await world.provider.createKey(keyInput())
  const without = (match: string, field: string) =>
    world.faults([{ match, fault: 'drop-field', field, times: 1 }])
  await without('GET /keys/*', 'external_user')
  expect(await world.provider.findKey(hash)).toMatchObject({ hash, disabled: false })
  await without('PATCH /keys/*', 'workspace_id')
  expect(await world.provider.updateKey(hash, { disabled: true })).toMatchObject({ disabled: true })
  await without('GET /keys/*', 'usage')
  await expect(world.provider.findKey(hash)).rejects.toMatchObject({
    details: { kind: 'ambiguous', reason: 'unreadable-answer' },
  })
})

test('a page that holds an unreadable key still counts as a full page', async () => {
  await using world = await standInProvider()
  await fetch(new URL('/__sim/keys', world.upstream.baseUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prefix: 'k-', count: 130 }),
  })
  await world.faults([{ match: 'GET /keys', fault: 'drop-field', field: 'usage', times: 1 }])
  const names = (await listAllKeys(world.provider)).map((key) => key.name)
  expect(new Set(names).size).toBe(130)
})

test('credits, activity and models are mapped to our types', async () => {
  await using world = await standInProvider()
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
  await using world = await standInProvider()
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
