/** The calls of REST v2 about the account and its pods. */
import { randomBytes } from 'node:crypto'
import { isObject } from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { findGpu, maxCount } from './catalog.ts'
import { checkCreateBody, unprocessable } from './create-body.ts'
import { ended, isRunning, makePodId, stopped, type Pod, type Store } from './store.ts'

export interface World {
  store: Store
  clock: { offsetMs: number }
  /** Billing knows of what was used so long ago. */
  billingLagMs: number
  /** GPUs of which no machine is free. */
  soldOut: Set<string>
  /** What a new pod costs, as a multiple of the listed price. */
  priceFactor: number
  /** How long a pod takes until it runs. */
  provisioningMs: number
  /** Requests a minute; null for a caller who is exempt, as accounts may be. */
  requestsPerMinute: number | null
  now(): number
}
export interface Call {
  world: World
  id: string
  query: URLSearchParams
  body: JsonObject
}
export type Handler = (call: Call) => Reply | Promise<Reply>

/** GB, where a body names none. */
const defaultDisk = 20

export const account: Handler = () => json({ id: 'user_stand_in', email: 'owner@example.test' })

export const createPod: Handler = async ({ world, body }) => {
  checkCreateBody(body)
  const { gpu, image, templateId } = body
  if ((gpu === undefined) === (body['cpu'] === undefined))
    throw new Refusal(400, 'exactly one of gpu and cpu must be set')
  // This account has no templates of its own, and no CPU pods are free.
  if (templateId !== undefined) throw new Refusal(404, 'template not found')
  if (image === undefined) throw new Refusal(400, 'image is required unless templateId is set')
  if (!isObject(gpu)) throw noCapacity()
  const offer = findGpu(gpu['id'])
  if (!offer) throw new Refusal(400, 'gpu.id: unknown GPU type')
  const ports = (body['ports'] ?? []) as string[]
  if (ports.some((port) => !/^\d{1,5}\/(http|tcp)$/.test(port)))
    throw new Refusal(400, 'ports: expected port/protocol, such as 8888/http')
  const cloud = body['cloud'] === 'COMMUNITY' ? 'COMMUNITY' : 'SECURE'
  // As the real one: without a count it finds none.
  if (gpu['count'] === undefined || world.soldOut.has(offer.id)) throw noCapacity()
  const count = Number(gpu['count'])
  if (count > maxCount[cloud])
    throw new Refusal(400, `gpu.count: at most ${maxCount[cloud]} in this cloud`)
  const costPerHour =
    (cloud === 'SECURE' ? offer.secure : offer.community) * count * world.priceFactor
  const now = world.now()
  requireBalance(world, costPerHour)
  const given = (body['env'] ?? {}) as Record<string, string>
  const pod: Pod = {
    id: makePodId(),
    name: textOf(body['name']),
    image: textOf(image),
    args: textOf(body['args']),
    gpu: { id: offer.id, count },
    cloud,
    disk: Number(body['disk'] ?? defaultDisk),
    ports,
    env:
      body['startJupyter'] === true && given['JUPYTER_PASSWORD'] === undefined
        ? { ...given, JUPYTER_PASSWORD: randomBytes(12).toString('hex') }
        : given,
    costPerHour,
    createdAt: now,
    runs: [{ from: now, to: null }],
    charges: [],
    deletedAt: null,
  }
  await world.store.record({ type: 'pod', pod })
  return json({ ...shown(pod, world), ...provisioning, runtime: null, startedAt: null }, 201)
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')
const provisioning = { status: 'PROVISIONING', actions: ['stop', 'terminate'] }
const noCapacity = () =>
  new Refusal(400, 'There are no longer any instances available with the requested spec.')

/** A start needs what an hour costs. */
function requireBalance({ store, now }: World, costPerHour: number): void {
  if (store.balance(now()) < costPerHour)
    throw new Refusal(402, 'The balance is too low to run this pod for an hour.')
}

export const listPods: Handler = ({ world }) =>
  json({
    pods: [...world.store.pods.values()]
      .filter((pod) => pod.deletedAt === null)
      .map((pod) => shown(pod, world)),
  })

export const getPod: Handler = ({ world, id }) => json(shown(podOf(world, id), world))

export const deletePod: Handler = async ({ world, id }) => {
  await world.store.record({ type: 'pod', pod: ended(podOf(world, id), world.now()) })
  return { kind: 'json', status: 204, body: '' }
}

/** Each where the status of the pod allows it; what ends it has no body to answer with. */
export const act: Handler = async ({ world, id, body }) => {
  const { action, ...others } = body
  const errors = Object.keys(others).map((name) => `$: additional properties '${name}' not allowed`)
  if (!actions.has(action)) errors.push(`$.action: expected one of ${[...actions].join(', ')}`)
  if (errors.length > 0) throw unprocessable(errors)
  const pod = podOf(world, id)
  const { status, actions: allowed } = shown(pod, world)
  if (!allowed.includes(String(action)))
    throw new Refusal(409, `A pod that is ${status} cannot ${String(action)}.`)
  if (action === 'terminate') return deletePod({ world, id, query: new URLSearchParams(), body })
  const now = world.now()
  if (action === 'start') {
    if (world.soldOut.has(pod.gpu.id)) throw noCapacity()
    requireBalance(world, pod.costPerHour)
  }
  const changed =
    action === 'stop'
      ? stopped(pod, now)
      : action === 'start'
        ? { ...pod, runs: [...pod.runs, { from: now, to: null }] }
        : pod
  await world.store.record({ type: 'pod', pod: changed })
  return json(shown(changed, world))
}

const actions = new Set<unknown>(['start', 'stop', 'restart', 'terminate'])

function podOf(world: World, id: string): Pod {
  const pod = world.store.find(id)
  if (!pod) throw new Refusal(404, 'pod not found')
  return pod
}

/** By the clock: a pod is allocated, then its container starts, then it runs. */
export function statusOf(pod: Pod, { now, provisioningMs }: Pick<World, 'now' | 'provisioningMs'>) {
  if (!isRunning(pod)) return 'EXITED'
  const passed = now() - (pod.runs.at(-1)?.from ?? 0)
  if (passed < provisioningMs / 2) return 'PROVISIONING'
  return passed < provisioningMs ? 'STARTING' : 'RUNNING'
}

/** As v2 answers: what it holds in env is repeated. */
export function shown(pod: Pod, world: Pick<World, 'now' | 'provisioningMs'>) {
  const status = statusOf(pod, world)
  const startedAt = (pod.runs.at(-1)?.from ?? 0) + world.provisioningMs
  const isUp = status === 'RUNNING'
  return {
    id: pod.id,
    name: pod.name,
    status,
    actions: isUp
      ? ['stop', 'restart', 'terminate']
      : status === 'EXITED'
        ? ['start', 'terminate']
        : provisioning.actions,
    image: pod.image,
    args: pod.args ?? '',
    gpu: pod.gpu,
    cloud: pod.cloud,
    disk: pod.disk,
    ports: pod.ports,
    env: pod.env,
    mounts: {},
    registry: null,
    dataCenterId: 'EU-RO-1',
    cudaVersion: null,
    ssh: { proxy: null, direct: null },
    template: null,
    locked: false,
    globalNetworking: { enabled: false },
    runtime: isUp ? { uptime: Math.floor((world.now() - startedAt) / 1_000) } : null,
    cost: status === 'EXITED' ? 0 : pod.costPerHour,
    createdAt: new Date(pod.createdAt).toISOString(),
    startedAt: isUp ? new Date(startedAt).toISOString() : null,
  }
}
