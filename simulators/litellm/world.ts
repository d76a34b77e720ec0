/**
 * One running proxy: its keys, its clock, its faults, and who is calling. Handlers take a Call and
 * return a Reply; only server.ts touches sockets.
 */
import type { CallLog } from '../shared/calls.ts'
import type { Faults } from '../shared/faults.ts'
import { type JsonObject, type RefusalDetails, Refusal } from '../shared/refusal.ts'
import type { Reply } from '../shared/reply.ts'
import type { KeyRecord, Store } from './store.ts'
import { hashOf } from './store.ts'

export interface World {
  store: Store
  faults: Faults
  calls: CallLog
  clock: { offsetMs: number }
  /**
   * What the proxy's config.yaml adds to each /key/generate that leaves a field out:
   * `default_key_generate_params`.
   */
  defaults: { max_budget?: number; budget_duration?: string; duration?: string; models?: string[] }
  /**
   * True while the job that resets budgets does not run; on a real proxy it runs every ten minutes.
   */
  resetsHeld: boolean
  now(): number
  pause(milliseconds: number): Promise<void>
}

export type Caller = { kind: 'admin' } | { kind: 'key'; key: KeyRecord }
export interface Call {
  world: World
  query: URLSearchParams
  body: JsonObject
  caller: Caller | null
}
export type Handler = (call: Call) => Reply | Promise<Reply>

/** An error as LiteLLM writes it: `{error: {message, type, param, code}}`. */
export class ProxyError extends Refusal {
  readonly type: string
  readonly param: string | null
  constructor(
    status: number,
    message: string,
    type: string,
    param: string | null = 'None',
    details: RefusalDetails = {},
  ) {
    super(status, message, details)
    this.type = type
    this.param = param
  }
}

/** What FastAPI answers to a body of the wrong shape: 422 with the place. */
export class InvalidBody extends Refusal {
  readonly place: string[]
  constructor(place: string[], message: string) {
    super(422, message)
    this.place = place
  }
}

export function bodyOf(refusal: Refusal): JsonObject {
  if (refusal instanceof InvalidBody)
    return {
      detail: [{ type: 'value_error', loc: refusal.place, msg: refusal.message, input: null }],
    }
  const { type, param } =
    refusal instanceof ProxyError
      ? refusal
      : {
          type: refusal.status === 429 ? 'throttling_error' : 'internal_server_error',
          param: 'None',
        }
  return { error: { message: refusal.message, type, param, code: String(refusal.status) } }
}

/**
 * Who calls. Unknown and deleted keys are told apart from blocked and expired ones, as LiteLLM
 * does.
 */
export function identify(world: World, authorization: string | undefined): Caller {
  const token = /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw authError('Authentication Error, No api key passed in.')
  if (token === world.store.masterKey) return { kind: 'admin' }
  if (!token.startsWith('sk-'))
    throw authError(
      'Authentication Error, LiteLLM Virtual Key expected. ' +
        `Received=${token.slice(0, 4)}****${token.slice(-4)}, expected to start with 'sk-'.`,
    )
  const key = world.store.find(token)
  if (!key) {
    throw new ProxyError(
      401,
      'Authentication Error, Invalid proxy server token passed. Received API Key = ' +
        `sk-...${token.slice(-4)}, Key Hash (Token) =${hashOf(token)}. ` +
        'Unable to find token in cache or `LiteLLM_VerificationTokenTable`',
      'token_not_found_in_db',
      'key',
    )
  }
  if (key.blocked === true)
    throw authError(
      "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
    )
  if (key.expires !== null && key.expires <= world.now()) {
    throw new ProxyError(
      401,
      `Authentication Error - Expired Key. Key Expiry time ${wireTime(key.expires)} and ` +
        `current time ${wireTime(world.now())}`,
      'expired_key',
      'key',
    )
  }
  return { kind: 'key', key }
}

const authError = (message: string) => new ProxyError(401, message, 'auth_error')

/** `2026-11-21T07:00:00.000000Z`, as FastAPI prints what Prisma returns. */
export const wireTime = (at: number) => `${new Date(at).toISOString().slice(0, -1)}000Z`

/** `['a', 'b']`, as Python prints a list of strings. */
export const listOf = (texts: readonly string[]) =>
  `[${texts.map((text) => `'${text}'`).join(', ')}]`
