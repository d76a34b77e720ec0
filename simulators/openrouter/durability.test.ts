import { spawn, type ChildProcess } from 'node:child_process'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { startOpenRouter } from './server.ts'
import { makeClient, sendChat, startBench } from './testing.ts'

interface Spawned {
  child: ChildProcess
  baseUrl: string
  managementKey: string
}

async function spawnStandIn(dataDir: string): Promise<Spawned> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, SIM_OPENROUTER_PORT: '0', SIM_OPENROUTER_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout }))
    return { child, ...(JSON.parse(line) as { baseUrl: string; managementKey: string }) }
  throw new Error('The stand-in ended before it listened')
}

async function makeDataDir(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'keymint-openrouter-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

test('every answered key survives a SIGKILL during work, with its guardrail and its spend', async () => {
  await using dataDir = await makeDataDir()
  const first = await spawnStandIn(dataDir.path)
  const management = makeClient(first.baseUrl, first.managementKey)
  const answered: string[] = []
  const guardrail = await management.guardrails.create({
    createGuardrailRequest: { name: 'w', allowedModels: ['openai/gpt-5-nano'] },
  })
  const made = await management.apiKeys.create({ requestBody: { name: 'spender', limit: 2 } })
  await management.guardrails.bulkAssignKeys({
    id: guardrail.data.id,
    bulkAssignKeysRequest: { keyHashes: [made.data.hash] },
  })
  const chat = await sendChat(makeClient(first.baseUrl, made.key), 'openai/gpt-5-nano', 'Hi')
  const burst = Array.from({ length: 200 }, (_, index) =>
    management.apiKeys.create({ requestBody: { name: `k${index}` } }).then(
      ({ data }) => answered.push(data.hash),
      () => undefined,
    ),
  )
  await expect.poll(() => answered.length, { interval: 1 }).toBeGreaterThan(20)
  await kill(first.child)
  await Promise.all(burst)

  const second = await spawnStandIn(dataDir.path)
  expect(second.managementKey).toBe(first.managementKey)
  const again = makeClient(second.baseUrl, second.managementKey)
  const pages = await Promise.all(
    [0, 100, 200].map(async (offset) => (await again.apiKeys.list({ offset })).data),
  )
  const known = new Set(pages.flat().map((key) => key.hash))
  expect(answered.filter((hash) => !known.has(hash))).toEqual([])
  expect((await again.apiKeys.get({ hash: made.data.hash })).data.usage).toBe(chat.usage?.cost)
  expect((await again.credits.getCredits()).data.totalUsage).toBe(chat.usage?.cost)
  for await (const page of await again.guardrails.listGuardrailKeyAssignments({
    id: guardrail.data.id,
  }))
    expect(page.result.data).toMatchObject([{ keyHash: made.data.hash }])
  await kill(second.child)
}, 30_000)

test('a torn last line is dropped and the rest is kept', async () => {
  await using dataDir = await makeDataDir()
  {
    await using bench = await startBench({ dataDir: dataDir.path })
    await bench.management.apiKeys.create({ requestBody: { name: 'kept' } })
  }
  await appendFile(join(dataDir.path, 'openrouter-ledger.jsonl'), '{"type":"key","key":{"ha')
  await using bench = await startBench({ dataDir: dataDir.path })
  expect((await bench.management.apiKeys.list()).data.map((key) => key.name)).toEqual(['kept'])
})

test('a port that is taken is named, with the variable that moves it', async () => {
  await using bench = await startBench()
  const port = Number(new URL(bench.running.baseUrl).port)
  await expect(startOpenRouter({ port })).rejects.toThrow(
    `Port ${port} is already in use, so the OpenRouter stand-in cannot start. ` +
      'Free the port or set SIM_OPENROUTER_PORT to another one.',
  )
})

test('three hundred calls at once are all answered, and stopping does not wait for those that hang', async () => {
  const bench = await startBench()
  const statuses = await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      bench.raw('POST', '/keys', { name: `k${index}` }).then((answer) => answer.status),
    ),
  )
  expect(statuses.every((status) => status === 201)).toBe(true)
  await bench.sim('POST', 'faults', { rules: [{ match: '*', fault: 'hang' }] })
  const hanging = bench.raw('GET', '/keys').catch(() => 'dropped')
  await expect
    .poll(async () => (await bench.sim<{ running: number }>('GET', 'calls')).running)
    .toBe(1)
  const startedAt = performance.now()
  await bench.running.stop()
  expect(performance.now() - startedAt).toBeLessThan(1000)
  expect(await hanging).toBe('dropped')
})
