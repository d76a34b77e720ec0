/** RunPod as a team's service, against the stand-in. */
import { expect, test } from 'vitest'
import { thisMachine } from '../../tests/this-machine'
import { freePort } from '../../simulators/free-port'
import { startRunPod } from '../../simulators/runpod/server'
import { failureOf, keyOf, usd, type ServiceBench } from '../../tests/service-bench'
import { conformanceOf } from '../../tests/service-conformance'
import { createOutbound } from './outbound.server'
import { createRunPod } from './runpod.server'

const pathOf = {
  create: 'POST /v2/pods',
  update: 'POST /v2/pods/*',
  delete: 'DELETE /v2/pods/*',
  find: 'GET /v2/pods/*',
  list: 'GET /v2/pods',
}
const outbound = createOutbound({ networks: thisMachine })
const gpu = 'NVIDIA RTX A4000'

async function open() {
  const runpod = await startRunPod()
  let offsetMs = 0
  const adapter = createRunPod({ outbound, now: () => new Date(Date.now() + offsetMs) })
  const credential = {
    secret: runpod.apiKey,
    baseUrl: runpod.baseUrl,
    settings: { proxy: runpod.proxyUrl },
  }
  const sim = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${runpod.baseUrl}/__sim/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as T
  }
  await sim('POST', 'config', { billingLagMs: 0 })
  await sim('POST', 'balance', { usd: 10_000 })
  const counts = async () => (await sim<{ counts: Record<string, number> }>('GET', 'calls')).counts
  return {
    adapter,
    credential,
    sim,
    runpod,
    unreachable: async () => ({
      adapter,
      credential: { ...credential, baseUrl: `http://127.0.0.1:${await freePort()}` },
    }),
    spend: async (id: string, amount: number) => {
      await sim('POST', 'spend', { pod: id, usd: amount })
    },
    use: async (plaintext: string) => {
      const parts = adapter.show!(plaintext)
      const [address, password] = parts.map(({ value }) => value)
      return (await fetch(`${address}?token=${password}`)).status === 200
    },
    moveTo: async (at: Date) => {
      offsetMs = at.getTime() - Date.now()
      await sim('POST', 'clock', { offsetMs })
    },
    strike: async ({ call, ...rule }: { call: keyof typeof pathOf; fault: string }) => {
      await sim('POST', 'faults', { rules: [{ match: pathOf[call], ...rule }] })
    },
    requests: async () => Object.values(await counts()).reduce((sum, count) => sum + count, 0),
    creates: async () => (await counts())['POST /v2/pods'] ?? 0,
    plaintexts: async () =>
      (await sim<{ pods: { env: Record<string, string> }[] }>('GET', 'pods?plaintext=1')).pods.map(
        ({ env }) => env['JUPYTER_PASSWORD']!,
      ),
    [Symbol.asyncDispose]: () => runpod.stop(),
  } satisfies ServiceBench & { sim: unknown; runpod: unknown }
}

conformanceOf('RunPod', open)

test('a machine costs what the catalogue says, and its meter counts from its making', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  const made = await adapter.createKey(credential, keyOf({ options: { gpu, cloud: 'SECURE' } }))
  // 0.25 USD for the GPU and 20 GB of disk.
  expect(Number(made.perHour) / 1e9).toBeCloseTo(0.25 + (20 * 0.1) / 730, 6)
  await bench.sim('POST', 'config', { billingLagMs: 1_800_000 })
  await bench.moveTo(new Date(Date.now() + 3_600_000))
  const seen = await adapter.findKey(credential, made.id, made.meter)
  // Billing knows half of it: the clock says the rest.
  expect(Number(seen!.usage) / 1e9).toBeCloseTo(0.2527, 3)
  expect(seen!.perHour).toBe(made.perHour)
})

test('a machine is refused with a cap under an hour, at another price than listed, or when none is free', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  const refusal = async (cap: number) =>
    (await failureOf(adapter.createKey(credential, keyOf({ cap: usd(cap), options: { gpu } }))))
      .details
  expect(await refusal(0.2)).toMatchObject({ kind: 'rejected', reason: 'refused' })
  expect(await bench.creates()).toBe(0)
  await sim('POST', 'config', { priceFactor: 2 })
  expect((await refusal(2)).providerMessage).toContain('more for this machine than it lists')
  await sim('POST', 'config', { priceFactor: 1 })
  await sim('POST', 'capacity', { gpu, soldOut: true })
  expect(await refusal(2)).toMatchObject({
    kind: 'rejected',
    providerMessage: expect.stringContaining('no longer any instances') as string,
  })
  await sim('POST', 'capacity', { gpu, soldOut: false })
  await sim('POST', 'balance', { usd: 0.1 })
  expect(await refusal(2)).toMatchObject({ kind: 'retryable', reason: 'no-credit' })
  const { pods } = await sim<{ pods: { deleted: boolean }[] }>('GET', 'pods')
  expect(pods.every(({ deleted }) => deleted)).toBe(true)
})

test('a machine that is too dear and cannot be ended again is in doubt, not refused', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  await sim('POST', 'config', { priceFactor: 2 })
  for (const fault of ['429', '403', '500']) {
    await sim('POST', 'faults', { rules: [{ match: pathOf.delete, fault, times: 1 }] })
    const wanted = keyOf({ name: `km/abc/team.a/${fault}`, cap: usd(2), options: { gpu } })
    // Nothing is given back while it may run; reconcile ends what bears the name.
    expect((await failureOf(adapter.createKey(credential, wanted))).details.kind).toBe('ambiguous')
    const names: string[] = []
    for await (const page of adapter.listKeys(credential))
      names.push(...page.keys.map(({ name }) => name))
    expect(names).toContain(wanted.name)
  }
})

test('a machine that is still being made is on, can be stopped, and costs from its making', async () => {
  await using bench = await open()
  const { adapter, credential, sim } = bench
  await sim('POST', 'config', { provisioningMs: 600_000 })
  const made = await adapter.createKey(credential, keyOf({ options: { gpu } }))
  expect(await bench.use(made.plaintext)).toBe(false)
  const seen = await adapter.findKey(credential, made.id, made.meter)
  expect(seen).toMatchObject({ disabled: false, perHour: made.perHour })
  await bench.moveTo(new Date(Date.now() + 660_000))
  expect(await bench.use(made.plaintext)).toBe(true)
  const later = await adapter.findKey(credential, made.id, seen!.meter)
  expect(Number(later!.usage) / 1e9).toBeCloseTo((0.2527 * 11) / 60, 3)
  const second = await adapter.createKey(credential, {
    ...keyOf({ options: { gpu } }),
    name: 'km/b',
  })
  expect((await adapter.changeKey(credential, second.id, { disabled: true })).disabled).toBe(true)
})

test('what was billed is summed over hours and days, since the machine was made', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  const made = await adapter.createKey(credential, keyOf({ cap: usd(900), options: { gpu } }))
  await bench.moveTo(new Date(Date.now() + 40 * 86_400_000))
  // Without a note only the bill says what it cost; it is older than the 30 days of a bare question.
  const seen = await adapter.findKey(credential, made.id, null)
  expect(Number(seen!.usage) / 1e9).toBeCloseTo(40 * 24 * (0.25 + (20 * 0.1) / 730), 1)
})

test('an account whose balance is spent loses its machines, and they are gone', async () => {
  await using bench = await open()
  const { adapter, credential } = bench
  const made = await adapter.createKey(credential, keyOf({ options: { gpu } }))
  await bench.sim('POST', 'balance', { usd: 0 })
  expect(await adapter.findKey(credential, made.id, made.meter)).toBeNull()
})

test('a key that may only read is accepted by nothing that writes, and says so', async () => {
  await using bench = await open()
  const readOnly = { ...bench.credential, secret: bench.runpod.readOnlyKey }
  expect(
    (await failureOf(bench.adapter.createKey(readOnly, keyOf({ options: { gpu } })))).details,
  ).toMatchObject({ kind: 'retryable', reason: 'forbidden' })
})
