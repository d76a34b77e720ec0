/** What a caller may send and no Keymint does: refused as documented, or answered in full. */
import { expect, test } from 'vitest'
import { sendChat, startBench } from './testing'

test('lists refuse filters that they do not know, and say where their own next page is', async () => {
  await using bench = await startBench()
  for (const path of [
    '/activity?group_by=nonsense',
    '/activity?api_key_hash=short',
    '/models?max_price=cheap',
    '/models?limit=0',
    '/keys?offset=-1',
    '/keys?include_disabled=1',
    '/keys?workspace_id=',
    '/guardrails?limit=101',
  ])
    expect((await bench.raw('GET', path)).status, path).toBe(400)
  for (const path of ['/models?limit=1&q=gpt', '/models/user?limit=1&q=gpt']) {
    const first = (await bench.raw('GET', path)).body as Page
    const next = first.links.next!.replace('/api/v1', '')
    expect(next.startsWith(path.slice(0, path.indexOf('?') + 1)), next).toBe(true)
    const second = (await bench.raw('GET', next)).body as Page
    expect(second.data[0]!.id).not.toBe(first.data[0]!.id)
    expect(second.data[0]!.id).toContain('gpt')
  }
})

interface Page {
  data: { id: string }[]
  links: { next: string | null }
}

test('activity is of one member alone where it is asked so', async () => {
  await using bench = await startBench()
  const { key } = await bench.management.apiKeys.create({ requestBody: { name: 'k', limit: 1 } })
  await sendChat(bench.as(key), 'openai/gpt-5-nano', 'hello', 20)
  await bench.sim('POST', 'clock', { offsetMs: 86_400_000 })
  const { data } = await bench.management.apiKeys.list()
  const creator = data[0]!.creatorUserId!
  const rows = async (userId: string) =>
    (await bench.management.analytics.getUserActivity({ userId })).data.length
  expect(await rows(creator)).toBe(1)
  expect(await rows('user_of_another')).toBe(0)
})

test('built-in filters have their own labels and known scopes, and no field of anybody else', async () => {
  await using bench = await startBench()
  const create = (contentFilterBuiltins: object[]) =>
    bench.raw('POST', '/guardrails', { name: 'g', content_filter_builtins: contentFilterBuiltins })
  const email = { slug: 'email', action: 'redact' }
  const made = await create([{ ...email, label: 'mine', scan_scope: 'user_only', extra: 1 }])
  expect(made.body).toMatchObject({
    data: { content_filter_builtins: [{ ...email, label: '[EMAIL]', scan_scope: 'user_only' }] },
  })
  expect(JSON.stringify(made.body)).not.toContain('extra')
  expect((await create([{ ...email, scan_scope: 'nobody' }])).status).toBe(400)
  expect((await create([{ ...email, action: 'ignore' }])).status).toBe(400)
})

test('a workspace keeps what it was told of logs and tools', async () => {
  await using bench = await startBench()
  const { data } = await bench.management.workspaces.create({
    createWorkspaceRequest: { name: 'W', slug: 'w', ioLoggingApiKeyIds: [1, 2] },
  })
  expect(data.ioLoggingApiKeyIds).toEqual([1, 2])
  const bad = { name: 'W', slug: 'v', io_logging_api_key_ids: ['one'] }
  expect((await bench.raw('POST', '/workspaces', bad)).status).toBe(400)
})

test('tokens are counted for a model, and an answer that was cut is told as such afterwards', async () => {
  await using bench = await startBench()
  const { key } = await bench.management.apiKeys.create({ requestBody: { name: 'k', limit: 1 } })
  const messages = [{ role: 'user', content: '200 tokens' }]
  const call = (path: string, body: object) => bench.raw('POST', path, body, key)
  expect((await call('/messages/count_tokens', { messages })).status).toBe(400)
  const model = 'openai/gpt-5-nano'
  expect((await call('/messages/count_tokens', { messages, model: 'no/such' })).status).toBe(400)
  expect((await call('/messages/count_tokens', { messages, model })).status).toBe(200)
  const cut = await call('/messages', { messages, model, max_tokens: 10 })
  const { id } = cut.body as { id: string }
  const { data } = await bench.as(key).generations.getGeneration({ id })
  expect(data.finishReason).toBe('length')
})
