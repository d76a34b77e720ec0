/** The LiteLLM adapter against the stand-in, and against proxies that are configured against us. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from '../../simulators/free-port'
import { startLiteLlm } from '../../simulators/litellm/server'
import { thisMachine } from '../../tests/this-machine'
import type { ServiceBench } from '../../tests/service-bench'
import { conformanceOf } from '../../tests/service-conformance'
import { createLiteLlm } from './litellm.server'
import { createOutbound } from './outbound.server'
import { isProviderError } from './provider-error'

const pathOf = {
  create: 'POST /key/generate',
  update: 'POST /key/update',
  delete: 'POST /key/delete',
  find: 'GET /key/info',
  list: 'GET /key/list',
}
const outbound = createOutbound({ networks: thisMachine })

async function open(options: { timeoutMs?: number } = {}) {
  const proxy = await startLiteLlm()
  const credential = { secret: proxy.masterKey, baseUrl: `${proxy.baseUrl}/` }
  const adapter = createLiteLlm({ outbound, ...options })
  const sim = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${proxy.baseUrl}/__sim/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as T
  }
  return {
    adapter,
    credential,
    sim,
    models: ['gpt-5-nano', 'mistral-small'] as [string, string],
    unreachable: async () => ({
      adapter,
      credential: { ...credential, baseUrl: `http://127.0.0.1:${await freePort()}` },
    }),
    spend: async (id: string, amount: number) => {
      await sim('POST', 'spend', { hash: id, usd: amount })
    },
    use: async (plaintext: string, model = 'gpt-5-nano') =>
      (
        await fetch(`${proxy.baseUrl}/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${plaintext}` },
          body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }] }),
        })
      ).status === 200,
    moveTo: async (at: Date) => {
      await sim('POST', 'clock', { offsetMs: at.getTime() - Date.now() })
    },
    strike: async ({ call, ...rule }: { call: keyof typeof pathOf; fault: string }) => {
      await sim('POST', 'faults', { rules: [{ match: pathOf[call], ...rule }] })
    },
    requests: async () =>
      Object.values((await sim<{ counts: Record<string, number> }>('GET', 'calls')).counts).reduce(
        (sum, count) => sum + count,
        0,
      ),
    plaintexts: async () =>
      (await sim<{ keys: { key: string }[] }>('GET', 'keys?plaintext=1')).keys.map(
        ({ key }) => key,
      ),
    [Symbol.asyncDispose]: () => proxy.stop(),
  } satisfies ServiceBench & { sim: unknown }
}

conformanceOf('LiteLLM', () => open())

const usd = (amount: number) => BigInt(Math.round(amount * 1e9))
const key = {
  name: 'km/test/team/b',
  keyId: '0b6c1b1e-0000-4000-8000-000000000001',
  cap: usd(2),
  reset: null,
  expiresAt: null,
  models: null,
  options: {},
}
const detailsOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: unknown) => {
      if (!isProviderError(error)) throw error
      return error.details
    },
  )

test('a create without an answer is given up as ambiguous, and its key is there', async () => {
  await using bench = await open({ timeoutMs: 300 })
  await bench.strike({ call: 'create', fault: 'late' })
  expect(await detailsOf(bench.adapter.createKey(bench.credential, key))).toMatchObject({
    kind: 'ambiguous',
    reason: 'timeout',
  })
  expect(await bench.plaintexts()).toHaveLength(1)
})

test('an answer without the token still gives the id, because the id is the hash of the key', async () => {
  await using bench = await open()
  await bench.sim('POST', 'faults', {
    rules: [{ match: 'POST /key/generate', fault: 'drop-field', field: 'token' }],
  })
  const made = await bench.adapter.createKey(bench.credential, key)
  expect((await bench.adapter.findKey(bench.credential, made.id))?.name).toBe(key.name)
})

test('when a proxy changes a key by its configuration, the key is deleted and the error says how', async () => {
  await using bench = await open()
  for (const [defaults, what] of [
    [{ budget_duration: '30d' }, 'the reset'],
    [{ duration: '1h' }, 'the end'],
  ] as const) {
    await bench.sim('POST', 'config', { default_key_generate_params: defaults })
    const details = await detailsOf(bench.adapter.createKey(bench.credential, key))
    expect(details).toMatchObject({
      kind: 'rejected',
      reason: 'refused',
      providerMessage: expect.stringContaining(what) as string,
    })
    expect(await bench.plaintexts()).toEqual([])
  }
  await bench.sim('POST', 'faults', { rules: [{ match: 'POST /key/delete', fault: '500' }] })
  expect((await detailsOf(bench.adapter.createKey(bench.credential, key))).kind).toBe('ambiguous')
  expect(await bench.plaintexts()).toHaveLength(1)
})

test('until the proxy has started the new window, a reading says that its window is over', async () => {
  await using bench = await open()
  const made = await bench.adapter.createKey(bench.credential, { ...key, reset: 'daily' })
  await bench.spend(made.id, 1.5)
  await bench.sim('POST', 'resets', { held: true })
  const tomorrow = new Date(Date.now() + 86_400_000)
  await bench.moveTo(tomorrow)
  const stale = await bench.adapter.findKey(bench.credential, made.id)
  expect(stale).toMatchObject({ usage: null, usedInWindow: usd(1.5) })
  expect(stale!.windowEndsAt!.getTime()).toBeLessThan(tomorrow.getTime())
})

test('a sub-key makes requests and manages nothing', async () => {
  await using bench = await open()
  const made = await bench.adapter.createKey(bench.credential, key)
  expect(
    (
      await detailsOf(
        bench.adapter.createKey(
          { ...bench.credential, secret: made.plaintext },
          { ...key, name: 'km/test/team/c' },
        ),
      )
    ).reason,
  ).toBe('forbidden')
})

test('a redirect is not followed, and a server that is not a LiteLLM never sees the credential', async () => {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const credential = {
    secret: 'sk-a-master-key-of-somebody',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  }
  const adapter = createLiteLlm({ outbound })
  expect(await adapter.verifyCredential(credential)).toMatchObject({
    ok: false,
    problem: {
      code: 'provider-error',
      details: { providerMessage: expect.stringContaining('redirect') as string },
    },
  })
  expect(seen).toEqual([undefined])
  expect(await detailsOf(adapter.createKey(credential, key))).toMatchObject({
    kind: 'rejected',
    reason: 'refused',
  })
  expect(seen).toHaveLength(2)
  await new Promise((resolve) => server.close(resolve))
})

test('a proxy at a private address is refused where not allowed, at the deposit and at every call', async () => {
  await using bench = await open()
  const strict = createLiteLlm({ outbound: createOutbound({ networks: [] }) })
  expect(await strict.verifyCredential(bench.credential)).toMatchObject({
    ok: false,
    problem: { code: 'not-https' },
  })
  expect(await detailsOf(strict.createKey(bench.credential, key))).toMatchObject({
    kind: 'rejected',
    reason: 'refused',
  })
  expect(await bench.requests()).toBe(0)
})
