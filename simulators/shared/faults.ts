/**
 * Faults on purpose: settings given over HTTP, a seeded rng, and the choice of the fault for a
 * call. simulators/README.md lists them; an unknown setting is refused, never ignored.
 */
import { isObject, readBoolean, readNumber, readOneOf, readString } from './reading.ts'
import { Refusal, type JsonObject } from './refusal.ts'

const faultKinds = [
  'latency',
  'refuse',
  '401',
  '402',
  '403',
  '429',
  '500',
  '503',
  '502-html',
  'reset-before',
  'hang',
  '500-after',
  'reset-after',
  'late',
  'drop-field',
  'extra-fields',
  'unreadable',
  'undercount',
  'mid-stream-error',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface FaultRule {
  match: string
  fault: FaultKind
  rate: number
  times?: number
  delayMs?: number
  jitterMs?: number
  retryAfterSeconds?: number
  status?: number
  message?: string
  metadata?: JsonObject
  field?: string
  skip?: number
}

export interface FaultSettings {
  rules: FaultRule[]
  seed: number
  latencyMs: number
  jitterMs: number
  usageLagMs: number
  inferenceMs: number
  chunkMs: number
  /** Credits bought, in USD. */
  credits: number
  bindFails: boolean | { status?: number; message?: string; rate?: number; times?: number }
  inFlightBudget: number | null
  /** Calls that make keys: at once, and as a token bucket. Above it is 429. */
  createsAtOnce: number | null
  createsPerSecond: { rate: number; burst: number; retryAfterSeconds?: number } | null
  inferenceDown: boolean | { status?: number; message?: string }
}

export interface ChosenFaults {
  delayMs: number
  /** The first rule that applies, latency apart. */
  fault: FaultRule | null
}

function defaultSettings(): FaultSettings {
  return {
    rules: [],
    seed: 1,
    latencyMs: 0,
    jitterMs: 0,
    usageLagMs: 0,
    inferenceMs: 0,
    chunkMs: 5,
    credits: 1000,
    bindFails: false,
    inFlightBudget: null,
    createsAtOnce: null,
    createsPerSecond: null,
    inferenceDown: false,
  }
}

export class Faults {
  settings: FaultSettings
  private rules: { rule: FaultRule; pattern: RegExp }[] = []
  private random = makeRandom(1)

  /** `own` are the settings of this stand-in without a fault. */
  constructor(private readonly own: Partial<FaultSettings> = {}) {
    this.settings = { ...defaultSettings(), ...own }
  }

  clear(): void {
    this.settings = { ...defaultSettings(), ...this.own }
    this.compile()
  }

  /** Given fields replace the current ones, `rules` as a whole; the rng restarts at the seed. */
  change(body: JsonObject): void {
    this.settings = { ...this.settings, ...readSettings(body) }
    this.compile()
  }

  choose(method: string, path: string): ChosenFaults {
    let delayMs = this.settings.latencyMs + this.upTo(this.settings.jitterMs)
    let fault: FaultRule | null = null
    for (const { rule, pattern } of this.rules) {
      if (rule.times === 0 || (fault !== null && rule.fault !== 'latency')) continue
      if (!pattern.test(`${method} ${path}`) || this.random() >= rule.rate) continue
      if (rule.times !== undefined) rule.times -= 1
      if (rule.fault === 'latency') delayMs += (rule.delayMs ?? 0) + this.upTo(rule.jitterMs ?? 0)
      else fault = rule
    }
    return { delayMs, fault }
  }

  private upTo(max: number): number {
    return max === 0 ? 0 : this.random() * max
  }

  private compile(): void {
    const { bindFails, inferenceDown } = this.settings
    this.random = makeRandom(this.settings.seed)
    const rules = [...this.settings.rules]
    if (bindFails !== false) {
      const given = bindFails === true ? {} : bindFails
      rules.push({
        match: 'POST /guardrails/*/assignments/keys',
        fault: 'refuse',
        rate: given.rate ?? 1,
        times: given.times,
        status: given.status ?? 500,
        message: given.message,
      })
    }
    if (inferenceDown !== false) {
      const given = inferenceDown === true ? {} : inferenceDown
      for (const path of ['/chat/completions', '/responses', '/messages']) {
        rules.push({
          match: `POST ${path}`,
          fault: 'refuse',
          rate: 1,
          status: given.status ?? 502,
          message: given.message ?? 'Provider returned error',
        })
      }
    }
    this.rules = rules.map((rule) => ({ rule, pattern: toPattern(rule.match) }))
  }
}

function toPattern(match: string): RegExp {
  const escaped = match
    .trim()
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
  return new RegExp(match.trim() === '*' ? '' : `^${escaped}$`)
}

function readSettings(body: JsonObject): Partial<FaultSettings> {
  const changed: Partial<FaultSettings> = {}
  for (const field of Object.keys(body)) {
    switch (field) {
      case 'rules': {
        const rules = body[field]
        if (!Array.isArray(rules)) throw new Refusal(400, 'rules: expected an array')
        changed.rules = rules.map(readRule)
        break
      }
      case 'seed':
        changed.seed = readNumber(body, field)
        break
      case 'credits':
        changed.credits = readNumber(body, field)
        break
      case 'latencyMs':
      case 'jitterMs':
      case 'usageLagMs':
      case 'inferenceMs':
      case 'chunkMs':
        changed[field] = readNumber(body, field, { min: 0 })
        break
      case 'inFlightBudget':
      case 'createsAtOnce':
        changed[field] = body[field] === null ? null : readNumber(body, field, { min: 0 })
        break
      case 'createsPerSecond':
        changed.createsPerSecond = body[field] === null ? null : readBucket(body[field])
        break
      case 'bindFails': {
        const value = body[field]
        changed.bindFails = isObject(value)
          ? readDetails(value, ['status', 'message', 'rate', 'times'])
          : readBoolean(body, field)
        break
      }
      case 'inferenceDown': {
        const value = body[field]
        changed.inferenceDown = isObject(value)
          ? readDetails(value, ['status', 'message'])
          : readBoolean(body, field)
        break
      }
      default:
        throw new Refusal(400, `Unknown fault setting: ${field}`)
    }
  }
  return changed
}

function readBucket(value: unknown): NonNullable<FaultSettings['createsPerSecond']> {
  if (!isObject(value)) throw new Refusal(400, 'createsPerSecond: expected {rate, burst}')
  const bucket = {
    rate: readNumber(value, 'rate', { min: 0.001 }),
    burst: readNumber(value, 'burst', { min: 1 }),
  }
  return value['retryAfterSeconds'] === undefined
    ? bucket
    : { ...bucket, retryAfterSeconds: readNumber(value, 'retryAfterSeconds', { min: 0 }) }
}

function readRule(value: unknown): FaultRule {
  if (!isObject(value)) throw new Refusal(400, 'rules: expected objects')
  const { match, fault, ...rest } = value
  const rule: FaultRule = {
    match: readString({ match }, 'match', { min: 1 }),
    fault: readOneOf({ fault }, 'fault', faultKinds),
    rate: 1,
    ...readDetails(rest, [
      'rate',
      'times',
      'delayMs',
      'jitterMs',
      'retryAfterSeconds',
      'status',
      'message',
      'metadata',
      'field',
      'skip',
    ]),
  }
  if (rule.fault === 'refuse' && rule.status === undefined)
    throw new Refusal(400, 'A refuse rule needs a status')
  return rule
}

function readDetails(
  body: JsonObject,
  allowed: readonly string[],
): Partial<Omit<FaultRule, 'match' | 'fault'>> {
  const details: Partial<Omit<FaultRule, 'match' | 'fault'>> = {}
  for (const field of Object.keys(body)) {
    if (!allowed.includes(field)) throw new Refusal(400, `Unknown field of a fault: ${field}`)
    if (field === 'rate') details.rate = readNumber(body, field, { min: 0, max: 1 })
    else if (field === 'status') details.status = readNumber(body, field, { min: 400, max: 599 })
    else if (field === 'message' || field === 'field') details[field] = readString(body, field)
    else if (field === 'metadata') details.metadata = isObject(body[field]) ? body[field] : {}
    else if (
      field === 'times' ||
      field === 'delayMs' ||
      field === 'jitterMs' ||
      field === 'retryAfterSeconds' ||
      field === 'skip'
    ) {
      details[field] = readNumber(body, field, { min: 0 })
    }
  }
  return details
}

/** mulberry32: small, fast, and the same sequence for the same seed. */
function makeRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
