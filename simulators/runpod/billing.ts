/**
 * What pods cost, in buckets of time: one record for each pod and bucket in which it existed. Deleted
 * pods stay readable; what was used in the last `billingLagMs` is not there yet.
 */
import { Refusal } from '../shared/refusal.ts'
import { json } from '../shared/reply.ts'
import type { Handler } from './pods.ts'
import { costsBetween, type Pod } from './store.ts'

const sizes = ['hour', 'day', 'week', 'month', 'year'] as const
type Size = (typeof sizes)[number]
const dayMs = 86_400_000
const maxBuckets = 100_000

export const podBilling: Handler = ({ world, query }) => {
  const size = readSize(query.get('bucketSize'))
  const window = readWindow(query, size, world.now())
  const podId = query.get('podId')
  const until = world.now() - world.billingLagMs
  const pods = [...world.store.pods.values()].filter(({ id }) => podId === null || id === podId)
  const records = bucketsOf(window, size).flatMap(([from, to]) =>
    pods
      .filter((pod) => existsIn(pod, from, to, world.now()))
      .map((pod) => {
        const amounts = amountsOf(pod, from, to, until)
        return { startTime: textOf(from), endTime: textOf(to), podId: pod.id, ...amounts }
      }),
  )
  const sum = (name: 'totalAmount' | 'gpuAmount' | 'diskAmount') =>
    records.reduce((total, record) => total + record[name], 0)
  return json({
    records,
    metadata: {
      query: {
        startTime: textOf(window.start),
        endTime: textOf(window.end),
        bucketSize: size,
        ...(podId === null ? {} : { podId }),
      },
      recordCount: records.length,
      uniquePodCount: new Set(records.map((record) => record.podId)).size,
      totals: {
        totalAmount: sum('totalAmount'),
        gpuAmount: sum('gpuAmount'),
        cpuAmount: 0,
        diskAmount: sum('diskAmount'),
      },
    },
  })
}

function readSize(text: string | null): Size {
  const found = sizes.find((size) => size === (text ?? 'day'))
  if (!found) throw new Refusal(422, `bucketSize: expected one of ${sizes.join(', ')}`)
  return found
}

/** Snapped to whole buckets: the start down, the end up. */
function readWindow(query: URLSearchParams, size: Size, now: number) {
  const lastN = query.get('lastN')
  if (lastN === null) {
    const start = readTime(query, 'startTime') ?? now - 30 * dayMs
    const end = readTime(query, 'endTime') ?? now
    if (query.has('endTime') && start >= end)
      throw new Refusal(400, 'startTime must be before endTime')
    const last = startOf(size, end)
    return { start: startOf(size, start), end: last === end ? end : nextOf(size, last) }
  }
  if (query.has('startTime') || query.has('endTime'))
    throw new Refusal(400, 'lastN excludes startTime and endTime')
  if (!/^[1-9]\d{0,4}$/.test(lastN)) throw new Refusal(422, 'lastN: expected an integer from 1')
  let start = startOf(size, now)
  const end = nextOf(size, start)
  for (let left = Number(lastN); left > 1; left--) start = startOf(size, start - 1)
  return { start, end }
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

function readTime(query: URLSearchParams, name: string): number | null {
  const text = query.get(name)
  if (text === null) return null
  const at = rfc3339.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw new Refusal(422, `${name}: expected an RFC 3339 time`)
  return at
}

function bucketsOf({ start, end }: { start: number; end: number }, size: Size): [number, number][] {
  const buckets: [number, number][] = []
  for (let from = start; from < end; from = nextOf(size, from)) {
    if (buckets.length >= maxBuckets) throw new Refusal(400, 'The window has too many buckets')
    buckets.push([from, nextOf(size, from)])
  }
  return buckets
}

/** In UTC; a week begins on Monday. */
function startOf(size: Size, at: number): number {
  const date = new Date(at)
  if (size === 'hour') return Math.floor(at / 3_600_000) * 3_600_000
  if (size === 'month') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
  if (size === 'year') return Date.UTC(date.getUTCFullYear(), 0)
  const day = Math.floor(at / dayMs) * dayMs
  return size === 'day' ? day : day - ((date.getUTCDay() + 6) % 7) * dayMs
}

function nextOf(size: Size, start: number): number {
  const date = new Date(start)
  if (size === 'month') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
  if (size === 'year') return Date.UTC(date.getUTCFullYear() + 1, 0)
  return start + { hour: 3_600_000, day: dayMs, week: 7 * dayMs }[size]
}

const existsIn = (pod: Pod, from: number, to: number, now: number) =>
  pod.createdAt < to && (pod.deletedAt ?? now) >= from

function amountsOf(pod: Pod, from: number, to: number, until: number) {
  const { gpu, disk } = costsBetween(pod, from, Math.min(to, until))
  const charged = pod.charges
    .filter(({ at }) => at >= from && at < to)
    .reduce((sum, { usd }) => sum + usd, 0)
  return {
    totalAmount: gpu + disk + charged,
    gpuAmount: gpu + charged,
    cpuAmount: 0,
    diskAmount: disk,
  }
}

const textOf = (at: number) => new Date(at).toISOString()
