/** What RunPod lists: GPUs with prices, ceilings and, where it is asked for, stock. */
import { Refusal } from '../shared/refusal.ts'
import { json } from '../shared/reply.ts'
import type { Handler, World } from './pods.ts'

const gpus = [
  { id: 'NVIDIA RTX A4000', name: 'RTX A4000', memory: 16, secure: 0.25, community: 0.17 },
  { id: 'NVIDIA GeForce RTX 4090', name: 'RTX 4090', memory: 24, secure: 0.69, community: 0.34 },
  { id: 'NVIDIA L40S', name: 'L40S', memory: 48, secure: 0.86, community: 0.79 },
  { id: 'NVIDIA A100 80GB PCIe', name: 'A100 PCIe', memory: 80, secure: 1.64, community: 1.19 },
  { id: 'NVIDIA H100 80GB HBM3', name: 'H100 SXM', memory: 80, secure: 2.99, community: 2.69 },
]
type Gpu = (typeof gpus)[number]

/** GPUs of the largest machine in each cloud. */
export const maxCount = { SECURE: 8, COMMUNITY: 4 }
const products = new Set(['POD', 'CLUSTER', 'SERVERLESS'])

export const findGpu = (id: unknown): Gpu | undefined => gpus.find((gpu) => gpu.id === id)

export const listGpus: Handler = ({ world, query }) => {
  const withStock = asksForStock(query)
  return json({ gpus: gpus.map((gpu) => shown(world, gpu, withStock)) })
}

export const getGpu: Handler = ({ world, id, query }) => {
  const gpu = findGpu(id)
  if (!gpu) throw new Refusal(404, 'gpu type not found')
  return json(shown(world, gpu, asksForStock(query)))
}

/** Stock needs a product, and what narrows it needs stock: 400 either way. */
function asksForStock(query: URLSearchParams): boolean {
  const include = query.get('include')
  if (include !== null && include !== 'AVAILABILITY')
    throw new Refusal(400, 'include: supported value: AVAILABILITY')
  const product = query.get('product')
  if (include !== null && product === null)
    throw new Refusal(400, 'product is required with include=AVAILABILITY')
  for (const name of ['product', 'count', 'cloud'])
    if (include === null && query.has(name))
      throw new Refusal(400, `${name} is valid only with include=AVAILABILITY`)
  if (product !== null && !product.split(',').every((one) => products.has(one)))
    throw new Refusal(400, 'product: supported values: POD, CLUSTER, SERVERLESS')
  const cloud = query.get('cloud')
  if (cloud !== null && cloud !== 'SECURE' && cloud !== 'COMMUNITY')
    throw new Refusal(400, 'cloud: supported values: SECURE, COMMUNITY')
  return include !== null
}

const shown = (world: World, gpu: Gpu, withStock: boolean) => ({
  id: gpu.id,
  name: gpu.name,
  pool: null,
  manufacturer: 'NVIDIA',
  memory: gpu.memory,
  secure: true,
  community: true,
  price: { secure: gpu.secure, community: gpu.community },
  maxCount: { secure: maxCount.SECURE, community: maxCount.COMMUNITY },
  ...(withStock ? { availability: world.soldOut.has(gpu.id) ? 'NONE' : 'HIGH' } : {}),
})
