/** The calls of REST v2 that the stand-in answers: account, catalogue, pods and their billing. */
import { isObject, readNumber, readOneOf, readString } from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { costsUntil, ended, isRunning, makePodId, stopped, type Pod, type Store } from './store.ts'

export interface World {
  store: Store
  clock: { offsetMs: number }
  /** Billing knows of what was used so long ago. */
  billingLagMs: number
  /** GPUs of which no machine is free. */
  soldOut: Set<string>
  /** What a new pod costs, as a multiple of the listed price. */
  priceFactor: number
  now(): number
}
export interface Call {
  world: World
  id: string
  query: URLSearchParams
  body: JsonObject
}
export type Handler = (call: Call) => Reply | Promise<Reply>

const gpus = [
  { id: 'NVIDIA RTX A4000', name: 'RTX A4000', memory: 16, secure: 0.25, community: 0.17 },
  { id: 'NVIDIA GeForce RTX 4090', name: 'RTX 4090', memory: 24, secure: 0.69, community: 0.34 },
  { id: 'NVIDIA L40S', name: 'L40S', memory: 48, secure: 0.86, community: 0.79 },
  { id: 'NVIDIA A100 80GB PCIe', name: 'A100 PCIe', memory: 80, secure: 1.64, community: 1.19 },
  { id: 'NVIDIA H100 80GB HBM3', name: 'H100 SXM', memory: 80, secure: 2.99, community: 2.69 },
]

export const account: Handler = () => json({ id: 'user_stand_in', email: 'owner@example.test' })

export const catalog: Handler = ({ world, query }) => {
  const include = query.get('include')
  if (include !== null && query.get('product') !== 'POD')
    throw new Refusal(400, 'product is required when include is set')
  return json({
    gpus: gpus.map(({ id, name, memory, secure, community }) => ({
      id,
      name,
      memory,
      price: { secure, community },
      maxCount: 8,
      ...(include === 'AVAILABILITY'
        ? { availability: world.soldOut.has(id) ? 'NONE' : 'HIGH' }
        : {}),
    })),
  })
}

const known = new Set([
  'name',
  'image',
  'templateId',
  'gpu',
  'cpu',
  'cloud',
  'disk',
  'ports',
  'env',
  'startJupyter',
  'mounts',
])

export const createPod: Handler = async ({ world, body }) => {
  const unknown = Object.keys(body).find((field) => !known.has(field))
  if (unknown !== undefined) throw new Refusal(422, `${unknown}: unexpected field`)
  if ((body['image'] === undefined) === (body['templateId'] === undefined))
    throw new Refusal(422, 'exactly one of image and templateId is needed')
  const gpu = body['gpu']
  if (!isObject(gpu) || body['cpu'] !== undefined)
    throw new Refusal(422, 'exactly one of gpu and cpu is needed')
  const offer = gpus.find(({ id }) => id === gpu['id'])
  if (!offer) throw new Refusal(422, 'gpu.id: unknown')
  const env = body['env'] ?? {}
  if (!isObject(env) || Object.values(env).some((value) => typeof value !== 'string'))
    throw new Refusal(422, 'env: expected texts by name')
  const ports = body['ports'] ?? []
  if (!Array.isArray(ports) || ports.some((port) => !/^\d+\/(http|tcp)$/.test(String(port))))
    throw new Refusal(422, 'ports: expected such as 8888/http')
  const cloud = readOneOf({ cloud: body['cloud'] ?? 'SECURE' }, 'cloud', ['SECURE', 'COMMUNITY'])
  const disk = readNumber(body, 'disk', { min: 1 })
  const name = readString(body, 'name', { min: 1, max: 191 })
  // As the real one: without a count it finds none.
  if (gpu['count'] === undefined || world.soldOut.has(offer.id))
    throw new Refusal(400, 'There are no longer any instances available with the requested spec.')
  const count = readNumber(gpu, 'count', { min: 1, max: 8 })
  const costPerHour =
    (cloud === 'SECURE' ? offer.secure : offer.community) * count * world.priceFactor
  const now = world.now()
  if (world.store.balance(now) < costPerHour)
    throw new Refusal(402, 'The balance is too low to run this pod for an hour.')
  const pod: Pod = {
    id: makePodId(),
    name,
    image: String(body['image'] ?? body['templateId']),
    gpu: { id: offer.id, count },
    cloud,
    disk,
    ports: ports.map(String),
    env: env as Record<string, string>,
    costPerHour,
    createdAt: now,
    runs: [{ from: now, to: null }],
    extra: 0,
    deletedAt: null,
  }
  await world.store.record({ type: 'pod', pod })
  return json({ ...shown(pod), status: 'PROVISIONING', actions: ['stop', 'terminate'] }, 201)
}

export const listPods: Handler = ({ world }) =>
  json({
    pods: [...world.store.pods.values()]
      .filter((pod) => pod.deletedAt === null)
      .map((pod) => shown(pod)),
  })

export const getPod: Handler = ({ world, id }) => json(shown(podOf(world, id)))

export const deletePod: Handler = async ({ world, id }) => {
  await world.store.record({ type: 'pod', pod: ended(podOf(world, id), world.now()) })
  return { kind: 'json', status: 204, body: '' }
}

export const act: Handler = async ({ world, id, body }) => {
  const action = readOneOf(body, 'action', ['start', 'stop', 'restart'])
  const pod = podOf(world, id)
  const running = isRunning(pod)
  if (running === (action === 'start'))
    throw new Refusal(409, `A pod that is ${running ? 'RUNNING' : 'EXITED'} cannot ${action}.`)
  const now = world.now()
  const changed =
    action === 'stop'
      ? stopped(pod, now)
      : action === 'start'
        ? { ...pod, runs: [...pod.runs, { from: now, to: null }] }
        : pod
  if (action === 'start' && world.soldOut.has(pod.gpu.id))
    throw new Refusal(400, 'There are no longer any instances available with the requested spec.')
  await world.store.record({ type: 'pod', pod: changed })
  return json(shown(changed))
}

/** One record for each pod, of everything that billing knows of. Deleted pods stay readable. */
export const billing: Handler = ({ world, query }) => {
  const bucket = query.get('bucketSize') ?? 'hour'
  if (!['hour', 'day', 'week', 'month', 'year'].includes(bucket))
    throw new Refusal(400, 'bucketSize: expected hour, day, week, month or year')
  if (query.has('lastN') && (query.has('startTime') || query.has('endTime')))
    throw new Refusal(400, 'lastN excludes startTime and endTime')
  const podId = query.get('podId')
  const until = world.now() - world.billingLagMs
  const records = [...world.store.pods.values()]
    .filter((pod) => podId === null || pod.id === podId)
    .map((pod) => {
      const { gpu, disk } = costsUntil(pod, until)
      return {
        startTime: new Date(pod.createdAt).toISOString(),
        endTime: new Date(Math.max(until, pod.createdAt)).toISOString(),
        podId: pod.id,
        totalAmount: gpu + disk + pod.extra,
        gpuAmount: gpu + pod.extra,
        cpuAmount: 0,
        diskAmount: disk,
      }
    })
  const total = records.reduce((sum, { totalAmount }) => sum + totalAmount, 0)
  return json({ records, metadata: { totals: { totalAmount: total } } })
}

function podOf(world: World, id: string): Pod {
  const pod = world.store.find(id)
  if (!pod) throw new Refusal(404, 'pod not found')
  return pod
}

/** As v2 answers: what it holds in env is repeated. */
export function shown(pod: Pod) {
  const running = isRunning(pod)
  return {
    id: pod.id,
    name: pod.name,
    status: running ? 'RUNNING' : 'EXITED',
    actions: running ? ['stop', 'restart', 'terminate'] : ['start', 'terminate'],
    image: pod.image,
    gpu: pod.gpu,
    cloud: pod.cloud,
    disk: pod.disk,
    ports: pod.ports,
    env: pod.env,
    cost: running ? pod.costPerHour : 0,
    createdAt: new Date(pod.createdAt).toISOString(),
    startedAt: running ? new Date(pod.runs.at(-1)?.from ?? 0).toISOString() : null,
  }
}
