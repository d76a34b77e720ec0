/**
 * `/__sim/*`: the control API for tests, the demo and people at a terminal. It needs no key, and
 * nothing of it exists on the real OpenRouter.
 */
import { randomUUID } from 'node:crypto'
import type { CallLog } from '../shared/calls.ts'
import { intervals, nanoToUsd, usdToNano } from '../shared/money.ts'
import {
  ifPresent,
  isObject,
  optional,
  readBoolean,
  readNumber,
  readOneOf,
  readQueryInteger,
  readString,
} from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { readByok, splitCharge } from './byok.ts'
import { readWorkspace } from './keys.ts'
import { deleteDefaultWorkspace, makeDefaultWorkspace } from './default-workspace.ts'
import { hashOf, labelOf, makePlaintext, type KeyRecord } from './records.ts'
import { addSpend, makeCounter } from './spend-counter.ts'
import { refuse } from './wire.ts'
import { rememberSpend, type World } from './world.ts'

export interface Clock {
  offsetMs: number
}

export interface SimCall {
  world: World
  calls: CallLog
  clock: Clock
  method: string
  path: string
  query: URLSearchParams
  body: JsonObject
}

export async function answerSim(call: SimCall): Promise<Reply> {
  const { world, calls } = call
  switch (`${call.method} ${call.path}`) {
    case 'GET /__sim/faults':
      return json(world.faults.settings)
    case 'POST /__sim/faults':
      world.faults.change(call.body)
      return json(world.faults.settings)
    case 'DELETE /__sim/faults':
      world.faults.clear()
      return json(world.faults.settings)
    case 'GET /__sim/calls':
      return json(calls.toWire(readQueryInteger(call.query, 'last', 100, { min: 0 })))
    case 'DELETE /__sim/calls':
      calls.clear()
      return json({ cleared: true })
    case 'GET /__sim/keys':
      return json(listEveryKey(call))
    case 'POST /__sim/keys':
      return json(await seedKeys(call), 201)
    case 'GET /__sim/clock':
      return json(readClock(call))
    case 'POST /__sim/clock':
      call.clock.offsetMs = readNumber(call.body, 'offsetMs')
      return json(readClock(call))
    case 'GET /__sim/byok':
      return json(world.ledger.account.byok)
    case 'POST /__sim/byok': {
      const account = { ...world.ledger.account, byok: readByok(call.body) }
      await world.ledger.record({ type: 'account', account })
      return json(account.byok)
    }
    case 'POST /__sim/management-key': {
      const managementKey = makePlaintext()
      world.ledger.olderManagementKeys.add(world.ledger.account.managementKey)
      const account = { ...world.ledger.account, managementKey }
      await world.ledger.record({ type: 'account', account })
      return json({ managementKey }, 201)
    }
    case 'DELETE /__sim/default-workspace':
      await deleteDefaultWorkspace(world)
      return json({ deleted: true })
    case 'POST /__sim/default-workspace':
      return json(await makeDefaultWorkspace(world), 201)
    case 'DELETE /__sim/management-key':
      world.ledger.olderManagementKeys.clear()
      return json({ deleted: true })
    case 'POST /__sim/spend':
      return json(await spend(call))
    default:
      throw refuse(404, 'Not Found')
  }
}

function readClock(call: SimCall): JsonObject {
  return { offsetMs: call.clock.offsetMs, now: new Date(call.world.now()).toISOString() }
}

function listEveryKey(call: SimCall): JsonObject {
  const { ledger } = call.world
  const withPlaintext = call.query.get('plaintext') === '1'
  const named = call.query.get('name')
  const keys = ledger.keysByAge.filter((key) => named === null || key.name === named)
  return {
    count: keys.length,
    live: keys.filter((key) => key.deletedAt === null).length,
    keys: keys.map((key) => ({
      hash: key.hash,
      name: key.name,
      label: key.label,
      disabled: key.disabled,
      limit: key.limitNano === null ? null : nanoToUsd(key.limitNano),
      limit_reset: key.limitReset,
      usage: nanoToUsd(key.usage.totalNano),
      byok_usage: nanoToUsd(key.byokUsage.totalNano),
      include_byok_in_limit: key.includeByokInLimit,
      guardrail_id: ledger.assignments.get(key.hash)?.guardrailId ?? null,
      creator_user_id: key.creatorUserId,
      workspace_id: key.workspaceId,
      created_at: new Date(key.createdAt).toISOString(),
      expires_at: key.expiresAt,
      deleted_at: key.deletedAt === null ? null : new Date(key.deletedAt).toISOString(),
      ...(withPlaintext ? { key: key.plaintext } : {}),
    })),
  }
}

/**
 * `{keys: [{name, …}]}`, or `{prefix, count, …}` for many alike. Seeded keys skip the rules of
 * `POST /keys`, so they may be expired or old.
 */
async function seedKeys(call: SimCall): Promise<JsonObject> {
  const { world, body } = call
  const wanted = body['keys'] === undefined ? repeat(body) : body['keys']
  if (!Array.isArray(wanted)) throw refuse(400, 'keys: expected an array')
  const seeded = wanted.map((one: unknown) => {
    if (!isObject(one)) throw refuse(400, 'keys: expected objects')
    return makeSeeded(world, one)
  })
  await world.ledger.record(...seeded.map((key) => ({ type: 'key' as const, key })))
  return { keys: seeded.map((key) => ({ hash: key.hash, name: key.name, key: key.plaintext })) }
}

function repeat(body: JsonObject): JsonObject[] {
  const prefix = readString(body, 'prefix', { min: 1 })
  const count = readNumber(body, 'count', { min: 1, max: 20_000 })
  return Array.from({ length: count }, (_, index) => ({ ...body, name: `${prefix}${index + 1}` }))
}

function makeSeeded(world: World, body: JsonObject): KeyRecord {
  const plaintext = optional(body, 'key', readString) ?? makePlaintext()
  const limit = optional(body, 'limit', readNumber) ?? null
  const createdAt = optional(body, 'created_at', readString)
  const usage = makeCounter()
  const byokUsage = makeCounter()
  const used = ifPresent(body, 'usage', readNumber) ?? 0
  const usedByok = ifPresent(body, 'byok_usage', readNumber) ?? 0
  if (used > 0) addSpend(usage, usdToNano(used), world.now())
  if (usedByok > 0) addSpend(byokUsage, usdToNano(usedByok), world.now())
  return {
    hash: hashOf(plaintext),
    plaintext,
    label: labelOf(plaintext),
    name: readString(body, 'name', { min: 1 }),
    disabled: ifPresent(body, 'disabled', readBoolean) ?? false,
    limitNano: limit === null ? null : usdToNano(limit),
    limitReset:
      optional(body, 'limit_reset', (from, field) => readOneOf(from, field, intervals)) ?? null,
    includeByokInLimit: ifPresent(body, 'include_byok_in_limit', readBoolean) ?? false,
    createdAt: typeof createdAt === 'string' ? readDate(createdAt) : world.now(),
    updatedAt: null,
    expiresAt:
      optional(body, 'expires_at', (from, field) =>
        new Date(readDate(readString(from, field))).toISOString(),
      ) ?? null,
    creatorUserId:
      body['creator_user_id'] === undefined
        ? world.ledger.account.userId
        : (optional(body, 'creator_user_id', readString) ?? null),
    externalUser: null,
    workspaceId: readWorkspace(world, ifPresent(body, 'workspace_id', readString)),
    deletedAt: null,
    usage,
    byokUsage,
  }
}

function readDate(text: string): number {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw refuse(400, `Not a date: ${text}`)
  return at
}

/**
 * Charges a key without a request; it may pass the limit, as requests in flight do. `byok` says
 * whether an own provider key served it; without it, the account's share of it did.
 */
async function spend(call: SimCall): Promise<JsonObject> {
  const { world, body } = call
  const key = world.ledger.findLiveKey(readString(body, 'hash'))
  if (!key) throw refuse(404)
  const model = ifPresent(body, 'model', readString) ?? 'openai/gpt-5-nano'
  const { creditsNano, byokNano } = splitCharge(
    world,
    model,
    usdToNano(readNumber(body, 'usd', { min: 0 })),
    ifPresent(body, 'byok', readBoolean),
  )
  const spendOf = (nano: number, isByok: boolean) => {
    rememberSpend(world, key.hash, nano, isByok)
    return {
      type: 'spent' as const,
      spend: {
        id: `gen-sim-${randomUUID()}`,
        keyHash: key.hash,
        nano,
        isByok,
        at: world.now(),
        model,
        promptTokens: 0,
        completionTokens: 0,
        streamed: false,
        milliseconds: 0,
        finishReason: 'stop',
      },
    }
  }
  await world.ledger.record(
    ...(creditsNano > 0 || byokNano === 0 ? [spendOf(creditsNano, false)] : []),
    ...(byokNano > 0 ? [spendOf(byokNano, true)] : []),
  )
  return {
    hash: key.hash,
    usage: nanoToUsd(key.usage.totalNano),
    byok_usage: nanoToUsd(key.byokUsage.totalNano),
  }
}
