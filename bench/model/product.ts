/**
 * The product's own decisions, asked about rows of the model. Every answer is remembered by the
 * bytes it was asked with: there are few rows and many states.
 */
import { decideApply, type ApplyDecision } from '~/domain/keys/decide-apply'
import { decideSettle } from '~/domain/keys/decide-settle'
import { decideMint } from '~/domain/keys/mint-policy'
import { minLimit, type Key } from '~/domain/keys/key-row'
import { ahead, dueKeys, lifetime } from '~/domain/keys/windows'
import type { Rules } from './rules'
import { at, get, keysOf, none, of, rowText, set, waits, type State } from './state'

const unit = 1_000_000_000n
/** Ten minutes before and after the midnight between the two windows. */
const nows = [new Date('2026-01-10T23:50:00Z'), new Date('2026-01-11T00:10:00Z')] as const
const starts = [new Date('2026-01-10T00:00:00Z'), new Date('2026-01-11T00:00:00Z')] as const
const expiresAt = new Date('2026-01-12T00:00:00Z')
const early = new Date('2026-01-10T12:00:00Z')
/** When a closed key is read by itself, in seconds after it was closed. */
export const readAfter = [30, 60, 120, 420] as const

const limitOf = (units: number) => (units === 0 ? minLimit : BigInt(units) * unit)
/** To the nearest unit: the least limit is dust here. */
export const unitsOf = (nano: bigint) => Number((nano + unit / 2n) / unit)
const nowOf = (state: State): Date => nows[get(state, at.window) === 0 ? 0 : 1]
const seconds = (from: Date, count: number) => new Date(from.getTime() + count * 1000)

/** The row as the product reads it. `daily`: its cap starts afresh at midnight. */
function keyOf(state: State, key: number, daily: boolean): Key {
  const is = (name: Parameters<typeof of>[2]) => of(state, key, name) === 1
  const now = nowOf(state)
  const value = (name: Parameters<typeof of>[2]) => of(state, key, name)
  const limitOrNull = (units: number) => (units === none ? null : limitOf(units))
  const when = (yes: boolean) => (yes ? early : null)
  const closed = value('closed')
  const used = [value('used0'), value('used1')] as const
  const windowUsed = get(state, at.window) === 0 ? used[0] : used[1]
  const rows = daily
    ? [
        [starts[0], value('held0'), value('row0')] as const,
        [starts[1], value('held1'), value('row1')] as const,
        [ahead, value('heldAhead'), 0] as const,
      ]
    : [[lifetime, value('held0'), value('row0')] as const]
  return {
    id: String(key),
    installation: 'installation',
    holderKind: 'claim',
    holderId: 'holder',
    generation: key + 1,
    grant: 1,
    service: 'memory',
    account: 'account',
    scope: 'scope',
    mintId: String(key),
    hash: is('saved') ? String(key) : null,
    label: null,
    savedAt: when(is('saved')),
    expiresAt,
    expiryEchoed: false,
    limit: limitOf(value('limit')),
    limitReset: daily ? 'daily' : null,
    withoutReset: is('withoutReset'),
    limitDueAt: null,
    wantsGuardrail: false,
    deleteWanted: false,
    off: {
      staff: when(is('staff')),
      cap: null,
      person: null,
      runaway: null,
      ended: when(is('ended')),
      replaced: when(is('replaced')),
    },
    graceUntil: null,
    version: 1,
    revision: 1,
    seen: {
      limit: limitOf(value('seenLimit')),
      reset: is('seenReset') ? 'daily' : null,
      byok: null,
      off: is('seenOff'),
      at: when(is('saved')),
      revision: is('asked') ? 0 : 1,
    },
    missingAt: null,
    guardrailAt: null,
    call:
      value('call') === 0
        ? null
        : {
            sentAt: seconds(now, value('call') === 1 ? -1 : value('call') === 2 ? -16 : -601),
            revision: 1,
            limit: limitOrNull(value('callLimit')),
            on: is('callOn'),
          },
    doubt:
      value('doubt') === 0
        ? null
        : {
            until: seconds(now, value('doubt') === 1 ? 300 : -1),
            limit: limitOrNull(value('doubtLimit')),
            on: is('doubtOn'),
          },
    applyAt: null,
    applyTries: 0,
    applyError: null,
    used: BigInt(used[0] + used[1]) * unit,
    usedBase: 0n,
    windowUsed: BigInt(daily ? windowUsed : used[0] + used[1]) * unit,
    windowBase: 0n,
    windowStartedAt: daily ? starts[get(state, at.window) === 0 ? 0 : 1] : lifetime,
    meter: null,
    perHour: null,
    capDueAt: null,
    readError: null,
    readAt: closed === 0 && is('stable') ? seconds(early, 61) : null,
    closedAt: closed === 0 ? null : seconds(nows[closed === 1 ? 0 : 1], -1),
    ownReadAt: null,
    ownReads: value('reads'),
    grownAt: null,
    stableAt: when(closed > 0 && is('stable')),
    settledAt: when(is('settled')),
    writtenOffAt: null,
    nextReadAt: null,
    deletedAt: null,
    windows: rows
      .filter(([, held]) => held > 0)
      .map(([startsAt, held, row]) => ({
        startsAt,
        reserved: BigInt(held - 1) * unit,
        used: BigInt(row) * unit,
      })),
  }
}

type Booked = { limits: number[]; rows: number[][] }

/** The product's decisions under the rules of one run. */
export class Product {
  private readonly applies = new Map<string, ApplyDecision>()
  private readonly books = new Map<string, Booked>()
  constructor(
    readonly daily: boolean,
    readonly rules: Rules,
  ) {}

  apply(state: State, key: number): ApplyDecision {
    const text = rowText(state, key) + String(get(state, at.window))
    let decision = this.applies.get(text)
    if (!decision) {
      decision = this.rules.apply(keyOf(state, key, this.daily), nowOf(state), (row, now) =>
        decideApply(row, now, false, { ignoreBackoff: true }),
      )
      this.applies.set(text, decision)
    }
    return decision
  }

  /** Whether a mint may go on; `formerOpen` is the twin of the condition in readWork. */
  mayMint(state: State): boolean {
    const decision = decideMint(
      {
        state: waits(state) ? 'pending' : 'done',
        attempts: 0,
        secondsUntilNotBefore: 0,
        delayReason: null,
        expiresAt,
        holderWaits: waits(state),
        holderBarred: false,
        formerOpen: this.rules.formerOpen(
          keysOf(state)
            .slice(0, -1)
            .map((key) => keyOf(state, key, this.daily)),
          nowOf(state),
        ),
        unresolved: 0,
        parked: false,
        gate: {
          secondsUntilOpen: null,
          reason: null,
          cause: null,
          failures: 0,
          pausedReason: null,
        },
      },
      nowOf(state),
      { provisioningEnabled: true, mintConcurrency: 8 },
    )
    return decision.kind === 'go'
  }

  /** After an own reading, `reads` counted: settled now? */
  settles(state: State, key: number): boolean {
    const row = keyOf(state, key, this.daily)
    const closedAt = row.closedAt ?? nowOf(state)
    const offset = readAfter[Math.min(row.ownReads, readAfter.length) - 1] ?? 0
    const readAt = seconds(closedAt, offset)
    const decision = decideSettle({ ...row, readAt, ownReadAt: readAt }, seconds(readAt, 1))
    return this.rules.settles(row, decision.kind === 'settle')
  }

  /** What `book` writes: limits and windows of all keys. True where nothing new had to fit, or it did. */
  book(state: State, options: { reserve: boolean }): boolean {
    const keys = keysOf(state)
    const before = committed(state)
    const text =
      keys.map((key) => rowText(state, key)).join('') +
      String(get(state, at.cap) * 2 + get(state, at.window))
    let booked = this.books.get(text)
    if (!booked) {
      const due = this.rules.due(
        keys.map((key) => keyOf(state, key, this.daily)),
        { cap: limitOrNothing(get(state, at.cap)), accounting: 'reset' },
        nowOf(state),
        dueKeys,
      )
      booked = { limits: due.map(({ limit }) => unitsOf(limit)), rows: due.map(rowsOf) }
      this.books.set(text, booked)
    }
    for (const [index, key] of keys.entries()) {
      const [held0 = 0, held1 = 0, heldAhead = 0, row0 = 0, row1 = 0] = booked.rows[index] ?? []
      const limit = booked.limits[index] ?? 0
      if (limit !== of(state, key, 'limit')) set(state, key, { limit, asked: 1, callCurrent: 0 })
      set(state, key, { held0, held1, heldAhead, row0, row1 })
    }
    const more = committed(state) - before
    return !options.reserve || more <= 0 || committed(state) <= this.rules.pool
  }
}

const limitOrNothing = (units: number) => BigInt(units) * unit

function rowsOf(key: Key): number[] {
  const rows = [0, 0, 0, 0, 0]
  for (const { startsAt, reserved, used } of key.windows) {
    const index =
      startsAt.getTime() === ahead.getTime()
        ? 2
        : startsAt.getTime() === starts[1].getTime()
          ? 1
          : 0
    rows[index] = unitsOf(reserved) + 1
    if (index < 2) rows[3 + index] = unitsOf(used)
  }
  return rows
}

/** What a window of a key holds: reserved, or used where that is more. */
export function heldOf(state: State, key: number, window: 0 | 1): number {
  const [held, used] = [
    of(state, key, window === 0 ? 'held0' : 'held1'),
    of(state, key, window === 0 ? 'row0' : 'row1'),
  ]
  // A window that has begun and is not booked yet is held as one ahead.
  if (held === 0) return window === 1 ? Math.max(0, of(state, key, 'heldAhead') - 1) : 0
  return Math.max(held - 1, used)
}

export const committed = (state: State): number =>
  keysOf(state).reduce(
    (sum, key) =>
      sum +
      (of(state, key, 'held0') > 0 ? heldOf(state, key, 0) : 0) +
      (of(state, key, 'held1') > 0 ? heldOf(state, key, 1) : 0) +
      Math.max(0, of(state, key, 'heldAhead') - 1),
    0,
  )
