/** The stand-in of RunPod, by its documentation: what it refuses, what it lists, what it bills. */
import { expect, test } from 'vitest'
import { startRunPod } from './server'

async function open() {
  const runpod = await startRunPod()
  const call = async (method: string, path: string, body?: unknown, key = runpod.apiKey) => {
    const response = await fetch(`${runpod.baseUrl}${path}`, {
      method,
      headers: key === '' ? {} : { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const { status, headers } = response
    return { status, headers, body: (text === '' ? null : JSON.parse(text)) as Answer }
  }
  const sim = (path: string, body: object) => call('POST', `/__sim/${path}`, body)
  const create = (change: object = {}) =>
    call('POST', '/v2/pods', {
      name: 'machine',
      image: 'image',
      gpu: { id: 'NVIDIA RTX A4000', count: 1 },
      ...change,
    })
  return { runpod, call, sim, create, [Symbol.asyncDispose]: () => runpod.stop() }
}
type Answer = Record<string, unknown> & {
  id: string
  records: { startTime: string; endTime: string; totalAmount: number; gpuAmount: number }[]
  metadata: { query: object; recordCount: number; uniquePodCount: number; totals: object }
}

test('a body that does not match is 422 with each failure, and a broken rule is 400', async () => {
  await using bench = await open()
  const { create } = bench
  const odd = await create({ bogus: 1, disk: 0, cloud: 'MINE' })
  expect(odd.status).toBe(422)
  expect(odd.headers.get('content-type')).toBe('application/problem+json')
  expect(odd.body).toMatchObject({ title: 'Unprocessable Entity', status: 422 })
  expect(odd.body['errors']).toHaveLength(3)
  expect(odd.body['errors']).toContain("$: additional properties 'bogus' not allowed")
  const gpu = { id: 'NVIDIA RTX A4000' }
  for (const [change, status] of [
    [{ name: '' }, 422],
    [{ name: undefined }, 422],
    [{ env: { A: 1 } }, 422],
    [{ ports: '8888/http' }, 422],
    [{ gpu: { ...gpu, count: 0 } }, 422],
    [{ startJupyter: 'yes' }, 422],
    [{ ports: ['8888'] }, 400],
    [{ gpu: undefined }, 400],
    [{ cpu: { id: 'cpu3c' } }, 400],
    [{ gpu: { id: 'NVIDIA NONE', count: 1 } }, 400],
    [{ gpu }, 400],
    [{ gpu: { ...gpu, count: 9 } }, 400],
    [{ image: undefined }, 400],
    [{ templateId: 'none' }, 404],
    [{ args: '', registry: null, startSsh: true, dataCenterIds: [] }, 201],
  ] as const)
    expect((await create(change)).status, JSON.stringify(change)).toBe(status)
})

test('a pod is provisioned, runs, stops, starts and ends, each where its status allows it', async () => {
  await using bench = await open()
  const { call, sim, create } = bench
  await sim('config', { provisioningMs: 60_000 })
  const { body: pod, status } = await create({ startJupyter: true })
  expect(status).toBe(201)
  expect(pod).toMatchObject({
    status: 'PROVISIONING',
    actions: ['stop', 'terminate'],
    cost: 0.25,
    startedAt: null,
    runtime: null,
    env: { JUPYTER_PASSWORD: expect.any(String) as string },
  })
  const act = (action: unknown) => call('POST', `/v2/pods/${pod.id}/action`, { action })
  expect((await act('restart')).status).toBe(409)
  await sim('clock', { offsetMs: 45_000 })
  expect((await call('GET', `/v2/pods/${pod.id}`)).body).toMatchObject({ status: 'STARTING' })
  await sim('clock', { offsetMs: 61_000 })
  expect((await call('GET', `/v2/pods/${pod.id}`)).body).toMatchObject({
    status: 'RUNNING',
    startedAt: expect.any(String) as string,
  })
  expect((await act('start')).status).toBe(409)
  expect((await act('stop')).body).toMatchObject({ status: 'EXITED', cost: 0, runtime: null })
  expect((await act('stop')).status).toBe(409)
  expect((await act('sleep')).status).toBe(422)
  await sim('balance', { usd: 0.1 })
  expect((await act('start')).status).toBe(402)
  await sim('balance', { usd: 100 })
  expect((await act('start')).body).toMatchObject({ status: 'PROVISIONING' })
  const ended = await act('terminate')
  expect([ended.status, ended.body]).toEqual([204, null])
  expect((await act('terminate')).status).toBe(404)
  for (const method of ['GET', 'DELETE'])
    expect((await call(method, `/v2/pods/${pod.id}`)).body).toEqual({
      title: 'Not Found',
      status: 404,
      detail: 'pod not found',
    })
})

test('the catalogue gives stock for a product only, and ceilings for each cloud', async () => {
  await using bench = await open()
  const { call } = bench
  const gpus = '/v2/catalog/gpus'
  expect((await call('GET', `${gpus}?include=AVAILABILITY`)).status).toBe(400)
  expect((await call('GET', `${gpus}?product=POD`)).status).toBe(400)
  expect((await call('GET', `${gpus}?include=EVERYTHING&product=POD`)).status).toBe(400)
  const one = await call('GET', `${gpus}/${encodeURIComponent('NVIDIA L40S')}`)
  expect(one.body).toMatchObject({
    manufacturer: 'NVIDIA',
    maxCount: { secure: 8, community: 4 },
    price: { secure: 0.86, community: 0.79 },
  })
  expect(one.body).not.toHaveProperty('availability')
  expect((await call('GET', `${gpus}/none`)).status).toBe(404)
})

test('billing is in whole buckets that add up, trails, and keeps deleted pods', async () => {
  await using bench = await open()
  const { call, sim, create } = bench
  await sim('config', { billingLagMs: 0 })
  const begin = Date.now()
  const { body: pod } = await create()
  await sim('clock', { offsetMs: 50 * 3_600_000 })
  await call('DELETE', `/v2/pods/${pod.id}`)
  await sim('clock', { offsetMs: 60 * 3_600_000 })
  const bill = async (query: string) => (await call('GET', `/v2/billing/pods?${query}`)).body
  const from = encodeURIComponent(new Date(begin).toISOString())
  const totals = []
  for (const bucketSize of ['hour', 'day', 'week', 'month', 'year']) {
    const { records, metadata } = await bill(
      `podId=${pod.id}&bucketSize=${bucketSize}&startTime=${from}`,
    )
    expect(metadata).toMatchObject({ uniquePodCount: 1, recordCount: records.length })
    expect(metadata.query).toMatchObject({ bucketSize, podId: pod.id })
    for (const { startTime, endTime } of records) {
      expect(Date.parse(endTime)).toBeGreaterThan(Date.parse(startTime))
      expect(startTime).toMatch(/:00:00\.000Z$/)
    }
    totals.push(records.reduce((sum, { gpuAmount }) => sum + gpuAmount, 0))
  }
  for (const total of totals) expect(total).toBeCloseTo(50 * 0.25, 3)
  expect((await bill('bucketSize=hour&lastN=1')).records).toEqual([])
  expect((await bill('podId=none')).records).toEqual([])
  await sim('config', { billingLagMs: 35 * 3_600_000 })
  const late = await bill(`podId=${pod.id}&bucketSize=hour&startTime=${from}`)
  expect(late.records.reduce((sum, { gpuAmount }) => sum + gpuAmount, 0)).toBeCloseTo(25 * 0.25, 3)
  for (const [query, status] of [
    ['bucketSize=minute', 422],
    ['startTime=yesterday', 422],
    ['lastN=0', 422],
    [`lastN=1&startTime=${from}`, 400],
    [`startTime=${from}&endTime=${from}`, 400],
  ] as const)
    expect((await call('GET', `/v2/billing/pods?${query}`)).status, query).toBe(status)
})

test('who calls, how often and by which method is refused and told why', async () => {
  await using bench = await open()
  const { call, sim, runpod } = bench
  expect((await call('GET', '/v2/pods', undefined, '')).body).toEqual({
    title: 'Unauthorized',
    status: 401,
    detail: 'missing bearer token',
  })
  expect((await call('GET', '/v2/pods', undefined, 'rpa_wrong')).status).toBe(401)
  expect((await call('DELETE', '/v2/pods/x', undefined, runpod.readOnlyKey)).status).toBe(403)
  const wrong = await call('PUT', '/v2/pods')
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST'])
  expect((await call('GET', '/v2/pods/%E0')).status).toBe(400)
  expect((await call('GET', '/v2/account')).headers.has('ratelimit')).toBe(false)
  await sim('config', { requestsPerMinute: 2 })
  const first = await call('GET', '/v2/account')
  expect(first.headers.get('ratelimit-policy')).toBe('"minute";q=2;w=60')
  expect(first.headers.get('ratelimit')).toMatch(/^"minute";r=1;t=\d+$/)
  await call('GET', '/v2/account')
  const last = await call('GET', '/v2/account')
  expect(last.status).toBe(429)
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
})
