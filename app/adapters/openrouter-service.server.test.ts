/** OpenRouter as a team's service, against the stand-in. */
import { expect, test } from 'vitest'
import { freePort } from '../../simulators/free-port'
import { startOpenRouter } from '../../simulators/openrouter/server'
import { conformanceOf, type ServiceBench } from '../../tests/service-conformance'
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
