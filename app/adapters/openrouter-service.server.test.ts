/** OpenRouter as a team's service, against the stand-in. */
import { expect, test } from 'vitest'
import { freePort } from '../../simulators/free-port'
import { startOpenRouter } from '../../simulators/openrouter/server'
import type { ServiceBench } from '../../tests/service-bench'
import { conformanceOf } from '../../tests/service-conformance'
import { createOpenRouterService } from './openrouter-service.server'

const pathOf = {
  create: 'POST /keys',
  update: 'PATCH /keys/*',
  delete: 'DELETE /keys/*',
  find: 'GET /keys/*',
  list: 'GET /keys',
}

async function open(): Promise<ServiceBench> {
  const upstream = await startOpenRouter()
  const credential = { secret: upstream.managementKey, baseUrl: null }
  const sim = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(new URL(`/__sim/${path}`, upstream.baseUrl), {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as T
  }
  return {
    adapter: createOpenRouterService({ baseUrl: upstream.baseUrl }),
    credential,
    models: ['openai/gpt-5-nano', 'anthropic/claude-haiku-4.5'],
    unreachable: async () => ({
      adapter: createOpenRouterService({ baseUrl: `http://127.0.0.1:${await freePort()}/api/v1` }),
      credential,
    }),
    spend: (id, amount) => sim('POST', 'spend', { hash: id, usd: amount }),
    use: async (plaintext, model = 'openai/gpt-5-nano') =>
      (
        await fetch(`${upstream.baseUrl}/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${plaintext}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            model,
            max_tokens: 16,
            messages: [{ role: 'user', content: 'Hi' }],
          }),
        })
      ).status === 200,
    moveTo: (at) => sim('POST', 'clock', { offsetMs: at.getTime() - Date.now() }),
    strike: ({ call, ...rule }) =>
      sim('POST', 'faults', { rules: [{ match: pathOf[call], ...rule }] }),
    requests: async () =>
      Object.values((await sim<{ counts: Record<string, number> }>('GET', 'calls')).counts).reduce(
        (sum, count) => sum + count,
        0,
      ),
    plaintexts: async () =>
      (await sim<{ keys: { key: string }[] }>('GET', 'keys?plaintext=1')).keys.map(
        ({ key }) => key,
      ),
    [Symbol.asyncDispose]: () => upstream.stop(),
  }
}

conformanceOf('OpenRouter', open)

test('OpenRouter takes no address with its credential', async () => {
  await using bench = await open()
  expect(
    await bench.adapter.verifyCredential({
      ...bench.credential,
      baseUrl: 'https://elsewhere.example',
    }),
  ).toMatchObject({ ok: false })
  expect(await bench.requests()).toBe(0)
})

test('the balance is of the account, and models are told of completed days, key by key', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  const make = async (name: string) =>
    adapter.createKey(credential, {
      name,
      keyId: name,
      cap: 10_000_000_000n,
      reset: null,
      expiresAt: null,
      models: null,
      options: {},
    })
  const [one, other] = [await make('km/test/one'), await make('km/test/other')]
  const before = await adapter.readBalance?.(credential)
  await bench.spend(one.id, 0.25)
  await bench.spend(other.id, 0.5)
  expect(before! - (await adapter.readBalance!(credential))).toBe(750_000_000n)
  expect(await adapter.listModelSpend?.(credential, one.id)).toEqual([])
  const day = new Date().toISOString().slice(0, 10)
  await bench.moveTo(new Date(Date.now() + 86_400_000))
  expect(await adapter.listModelSpend?.(credential, one.id)).toEqual([
    { day, model: 'openai/gpt-5-nano', usage: 250_000_000n, requests: 1 },
  ])
})
