/**
 * Who a key is made for. The engine in keys/ is written once and knows no product: a holder is this
 * port, and runtime.server.ts hands every kind of holder to it. Each method runs in the engine's
 * transaction; money moves through `move` alone.
 */
import type { Tx } from '~/adapters/db.server'
import type { NanoUsd } from '~/money'
import type { Ctx } from './ctx'
import type { PoolCaps } from './workshop-file'

export type MintRefusal = {
  reason: 'banned' | 'expired-before-mint' | 'rejected-by-provider' | 'gave-up' | 'cancelled'
  detail: string | null
}

/** Who a key is made for. */
export type HolderKind = 'claim' | 'sub-key' | 'spare'
export type HolderId = { holderKind: HolderKind; holderId: string }
export type HolderRef = HolderId & { generation: number }

/** The money of one key, window by window, as the engine has booked it. */
export type BookedKey = {
  id: string
  generation: number
  settled: boolean
  /** Over before it was made. */
  neverMade: boolean
  windows: readonly { startsAt: Date; reserved: NanoUsd; used: NanoUsd }[]
}

/** What is more than before must fit. Null caps: they are not known, and nothing more can be reserved. */
export type Reserve = { caps: PoolCaps | null; takeSeat: boolean }

/** A locked holder: the cap of its keys together, and what is committed for them. */
export type IdleHolder = { holderId: string; cap: NanoUsd; committed: NanoUsd }

export type Move = {
  keys: readonly BookedKey[]
  now: Date
  actor: string
  why: string
  reserve?: Reserve
}

export type Holder = {
  /**
   * Locks the holder's row: first in the order of locks (holder, key, mint, attempt, job, audit, pool).
   * One whose keys have gone to another holder locks that one as well.
   */
  lock(ctx: Ctx, tx: Tx, holder: HolderId): Promise<void>
  /**
   * The cap of all its keys together in one window, and how its money is counted: by the windows of
   * the cap, or by UTC months. Null when there is no such holder. `openedAt`: the time has come so far
   * in the holder's books already; a transaction that began before and waited is booked there.
   */
  terms(
    tx: Tx,
    holder: HolderId,
  ): Promise<{ cap: NanoUsd; accounting: 'reset' | 'month'; openedAt?: Date } | null>
  /** Says that the key of this generation is there. False: the holder no longer waits, the key must go. */
  ready(tx: Tx, ref: HolderRef): Promise<boolean>
  /** Ends the wait with a reason for a person. What was reserved is booked back afterwards. */
  refuse(tx: Tx, ref: HolderRef, refusal: MintRefusal): Promise<void>
  /** The holder's cap becomes this many USD where it is more: a raise was refused for certain. */
  lowerCap(tx: Tx, holder: HolderId, capUsd: string): Promise<void>
  /**
   * Locks those of these holders that nobody is at, where money follows what is reserved and not what
   * is used: a reading alone moves none of it. Absent where every use is booked.
   */
  lockIdle?(tx: Tx, ids: readonly string[]): Promise<IdleHolder[]>
  /** Moves pool or ledger to what the keys hold now. False only with `reserve`: it does not fit. */
  move(ctx: Ctx, tx: Tx, holder: HolderId, move: Move): Promise<boolean>
  /**
   * The key's time has passed, or its cap is reached where Keymint ends it for that: the holder ends
   * with it. False when it had ended before.
   */
  expire(ctx: Ctx, tx: Tx, ref: HolderRef, reason?: 'expired' | 'spent'): Promise<boolean>
  /**
   * Starts to end everything this person holds, in the caller's transaction; `bulkId` is the action
   * that does it, null where nothing is left to do.
   */
  endAllOf(
    ctx: Ctx,
    tx: Tx,
    input: { userId: string; actorUserId: string; reason: string },
  ): Promise<{ bulkId: string | null; count: number }>
}

/** Every kind of holder by its name, as `keys.holder_kind` writes it. */
export type Holders = Readonly<Record<string, Holder>>
