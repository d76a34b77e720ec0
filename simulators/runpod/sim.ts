/**
 * `/__sim/*`: the control API for tests, the demo and people at a terminal. It needs no key, and
 * nothing of it exists at RunPod.
 */
import {
  ifPresent,
  readBoolean,
  readNumber,
  readQueryInteger,
  readString,
} from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { shown } from './pods.ts'
import type { Machine } from './server.ts'

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
    case 'GET /__sim/pods':
      return json({
        balance: store.balance(machine.now()),
        pods: [...store.pods.values()].map((pod) => ({
          ...shown(pod, machine),
          ...(query.get('plaintext') === '1' ? {} : { env: {} }),
          deleted: pod.deletedAt !== null,
        })),
      })
    case 'GET /__sim/clock':
      return json({ offsetMs: clock.offsetMs, now: new Date(machine.now()).toISOString() })
    case 'POST /__sim/clock':
      clock.offsetMs = readNumber(body, 'offsetMs')
      return json({ offsetMs: clock.offsetMs, now: new Date(machine.now()).toISOString() })
    case 'POST /__sim/config':
      ifPresent(body, 'billingLagMs', (one, field) => {
        machine.billingLagMs = readNumber(one, field, { min: 0 })
      })
      ifPresent(body, 'priceFactor', (one, field) => {
        machine.priceFactor = readNumber(one, field, { min: 0 })
      })
      ifPresent(body, 'provisioningMs', (one, field) => {
        machine.provisioningMs = readNumber(one, field, { min: 0 })
      })
      ifPresent(body, 'requestsPerMinute', (one, field) => {
        machine.requestsPerMinute = one[field] === null ? null : readNumber(one, field, { min: 1 })
      })
      return json({
        billingLagMs: machine.billingLagMs,
        priceFactor: machine.priceFactor,
        provisioningMs: machine.provisioningMs,
        requestsPerMinute: machine.requestsPerMinute,
      })
    case 'POST /__sim/capacity': {
      const gpu = readString(body, 'gpu')
      if (readBoolean(body, 'soldOut')) machine.soldOut.add(gpu)
      else machine.soldOut.delete(gpu)
      return json({ soldOut: [...machine.soldOut] })
    }
    case 'POST /__sim/balance':
      await store.record({ type: 'balance', usd: readNumber(body, 'usd') })
      return json({ balance: store.balance(machine.now()) })
    case 'POST /__sim/spend': {
      const pod = store.find(readString(body, 'pod'))
      if (!pod) throw new Refusal(404, 'pod not found')
      const charge = { at: machine.now(), usd: readNumber(body, 'usd', { min: 0 }) }
      const charges = [...pod.charges, charge]
      await store.record({ type: 'pod', pod: { ...pod, charges } })
      return json({ pod: pod.id, charged: charges.reduce((sum, { usd }) => sum + usd, 0) })
    }
    default:
      throw new Refusal(404, 'Not Found')
  }
}
