/**
 * `/__sim/*`: the control API for tests, the demo and people at a terminal. It needs no key, and
 * nothing of it exists at AWS.
 */
import {
  ifPresent,
  optional,
  readNumber,
  readOneOf,
  readQueryInteger,
  readString,
} from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { count, metricNames } from './metrics.ts'
import type { Machine } from './server.ts'
import { keysEverMade } from './store.ts'

export async function answerSim(
  machine: Machine,
  method: string,
  path: string,
  query: URLSearchParams,
  body: JsonObject,
): Promise<Reply> {
  const { store, faults, calls, clock } = machine
  switch (`${method} ${path}`) {
    case 'GET /__sim/faults':
      return json(faults.settings)
    case 'POST /__sim/faults':
      faults.change(body)
      return json(faults.settings)
    case 'DELETE /__sim/faults':
      faults.clear()
      return json(faults.settings)
    case 'GET /__sim/calls':
      return json(calls.toWire(readQueryInteger(query, 'last', 100, { min: 0 })))
    case 'DELETE /__sim/calls':
      calls.clear()
      return json({ cleared: true })
    case 'GET /__sim/keys':
      return json({
        keys: keysEverMade(store).map(({ secret, ...key }) => ({
          ...key,
          ...(query.get('plaintext') === '1' ? { secret } : {}),
        })),
      })
    case 'GET /__sim/objects':
      return json({
        objects: [...store.objects.values()].map(({ key, size }) => ({ key, size })),
      })
    /** Objects that have a size only: terabytes, and thousands of them, in one line. */
    case 'POST /__sim/objects': {
      const key = readString(body, 'key', { min: 1 })
      const size = readNumber(body, 'size', { min: 0 })
      const count = ifPresent(body, 'count', (one, field) => readNumber(one, field, { min: 1 }))
      for (let index = 0; index < (count ?? 1); index++) {
        const name = count === undefined ? key : `${key}${index}`
        const object = { key: name, size, content: null, at: machine.now() }
        await store.record({ type: 'object', object })
      }
      return json({ key, size, count: count ?? 1 })
    }
    case 'GET /__sim/clock':
      return json({ offsetMs: clock.offsetMs, now: new Date(machine.now()).toISOString() })
    case 'POST /__sim/clock':
      clock.offsetMs = readNumber(body, 'offsetMs')
      return json({ offsetMs: clock.offsetMs, now: new Date(machine.now()).toISOString() })
    case 'POST /__sim/lag':
      machine.lagMs = ifPresent(body, 'lagMs', readNumber) ?? machine.lagMs
      machine.metricsLagMs = ifPresent(body, 'metricsLagMs', readNumber) ?? machine.metricsLagMs
      return json({ lagMs: machine.lagMs, metricsLagMs: machine.metricsLagMs })
    /** Servers of other makers allow a user more than two. */
    case 'POST /__sim/quota':
      store.maxAccessKeys = readNumber(body, 'accessKeys', { min: 1 })
      return json({ accessKeys: store.maxAccessKeys })
    case 'POST /__sim/versioning':
      store.versioning =
        optional(body, 'status', (one, field) =>
          readOneOf(one, field, ['Enabled', 'Suspended'] as const),
        ) ?? null
      return json({ status: store.versioning })
    /** Terabytes and millions of requests in one line. */
    case 'POST /__sim/traffic': {
      const key = readString(body, 'key', { min: 1 })
      const metric = readOneOf(body, 'metric', metricNames)
      await count(store, machine.now(), key, { [metric]: readNumber(body, 'value', { min: 0 }) })
      return json({ key, metric })
    }
    default:
      throw new Refusal(404, 'Not Found')
  }
}
