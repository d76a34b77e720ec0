/**
 * A key as its row says. One row for each key, whoever holds it: what is wanted of it upstream, what
 * was seen there, the call that is out, and its money by window. Amounts are nano-USD; times are by
 * Postgres's clock.
 */
import type { HolderKind } from '../holder'
import type { JobError } from '../job-outcome'
import type { NanoUsd } from '~/money'
import type { KeyLimitReset } from '../workshop-file'

/** Why a key is off. Each cause is set and cleared by its own actor; `ended` and `replaced` stay. */
export const offCauses = ['staff', 'cap', 'person', 'runaway', 'ended', 'replaced'] as const
export type OffCause = (typeof offCauses)[number]

export type KeyWindow = { startsAt: Date; reserved: NanoUsd; used: NanoUsd }

/** A call whose answer is not known and may still take effect: until when, and what it would allow. */
export type Doubt = { until: Date; limit: NanoUsd | null; on: boolean }

export type Key = {
  id: string
  /** Of which installation: rows of another one are left alone. */
  installation: string
  holderKind: HolderKind
  holderId: string
  generation: number
  grant: number
  account: string
  /** Of its account, by name. */
  service: string
  scope: string
  mintId: string
  hash: string | null
  label: string | null
  savedAt: Date | null
  expiresAt: Date
  /** The provider itself said when it ends the key. */
  expiryEchoed: boolean

  limit: NanoUsd
  /** The windows of its cap by its terms; a key on its way out is sent without any. */
  limitReset: KeyLimitReset | null
  withoutReset: boolean
  limitDueAt: Date | null
  wantsGuardrail: boolean
  deleteWanted: boolean
  off: Record<OffCause, Date | null>
  graceUntil: Date | null
  version: number
  revision: number

  seen: {
    /** Null with `at`: the provider shows no cap. */
    limit: NanoUsd | null
    reset: string | null
    /** False: the cap does not count what the account's own provider keys serve. */
    byok: boolean | null
    off: boolean
    at: Date | null
    revision: number
  }
  missingAt: Date | null
  guardrailAt: Date | null
  call: { sentAt: Date; revision: number; limit: NanoUsd | null; on: boolean } | null
  doubt: Doubt | null

  applyAt: Date | null
  applyTries: number
  applyError: JobError | null

  used: NanoUsd
  /** What was kept when the provider's counter last began anew: what it shows is on top. */
  usedBase: NanoUsd
  windowUsed: NanoUsd
  windowBase: NanoUsd
  windowStartedAt: Date | null
  readAt: Date | null
  /** Why its last reading failed; null after a good one. */
  readError: JobError | null
  /** The adapter's note of the last reading. */
  meter: string | null
  /** What it costs an hour whatever it does; null while that is nothing, or not known. */
  perHour: NanoUsd | null
  /** When it reaches its cap at that rate; null where nothing says. */
  capDueAt: Date | null
  closedAt: Date | null
  ownReadAt: Date | null
  ownReads: number
  grownAt: Date | null
  stableAt: Date | null
  settledAt: Date | null
  writtenOffAt: Date | null
  nextReadAt: Date | null
  deletedAt: Date | null
  windows: KeyWindow[]
}

/** Whether it should be off upstream. */
export const isWantedOff = (key: Pick<Key, 'off'>): boolean =>
  offCauses.some((cause) => key.off[cause] !== null)

/** Whether its life is over, however far the provider has followed. */
export const isOver = (key: Pick<Key, 'off'>): boolean =>
  key.off.ended !== null || key.off.replaced !== null

/** A cap of nothing is not a cap everywhere: the least that is asked for. */
export const minLimit: NanoUsd = 1_000n

/** The reset that is wanted upstream. */
export const wantedReset = (key: Pick<Key, 'off' | 'withoutReset' | 'limitReset'>) =>
  isOver(key) || key.withoutReset ? null : key.limitReset

export const larger = (a: NanoUsd, b: NanoUsd): NanoUsd => (a > b ? a : b)
export const smaller = (a: NanoUsd, b: NanoUsd): NanoUsd => (a < b ? a : b)
