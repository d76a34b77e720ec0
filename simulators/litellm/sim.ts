/**
 * `/__sim/*`: the control API for tests, the demo and people at a terminal. It needs no key, and
 * nothing of it exists on a real proxy.
 */
import { nanoToUsd, usdToNano } from '../shared/money.ts'
import {
  isObject,
  readBoolean,
  readNumber,
  readQueryInteger,
  readString,
} from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { charge } from './chat.ts'
import { rowOf } from './keys.ts'
import type { World } from './world.ts'

export async function answerSim(
  world: World,
  method: string,
  path: string,
  query: URLSearchParams,
  body: JsonObject,
): Promise<Reply> {
  switch (`${method} ${path}`) {
    case 'GET /__sim/faults':
      return json(world.faults.settings)
    case 'POST /__sim/faults':
      world.faults.change(body)
      return json(world.faults.settings)
    case 'DELETE /__sim/faults':
      world.faults.clear()
      return json(world.faults.settings)
    case 'GET /__sim/calls':
      return json(world.calls.toWire(readQueryInteger(query, 'last', 100, { min: 0 })))
    case 'DELETE /__sim/calls':
      world.calls.clear()
      return json({ cleared: true })
    case 'GET /__sim/keys':
      return json({
        keys: [...world.store.keys.values()].map((key) => ({
          ...rowOf(key),
          ...(query.get('plaintext') === '1' ? { key: key.plaintext } : {}),
        })),
      })
    case 'GET /__sim/clock':
      return json({ offsetMs: world.clock.offsetMs, now: new Date(world.now()).toISOString() })
    case 'POST /__sim/clock':
      world.clock.offsetMs = readNumber(body, 'offsetMs')
      return json({ offsetMs: world.clock.offsetMs, now: new Date(world.now()).toISOString() })
    case 'POST /__sim/resets':
      world.resetsHeld = readBoolean(body, 'held')
      return json({ held: world.resetsHeld })
    case 'POST /__sim/config': {
      const defaults = body['default_key_generate_params'] ?? {}
      if (!isObject(defaults))
        throw new Refusal(400, 'default_key_generate_params: expected an object')
      world.defaults = defaults
      return json({ default_key_generate_params: world.defaults })
    }
    case 'POST /__sim/spend': {
      const key = world.store.find(readString(body, 'hash'))
      if (!key) throw new Refusal(404, 'Not Found')
      await charge(world, key.token, usdToNano(readNumber(body, 'usd', { min: 0 })))
      return json({ hash: key.token, usage: nanoToUsd(key.spendNano) })
    }
    default:
      throw new Refusal(404, 'Not Found')
  }
}
