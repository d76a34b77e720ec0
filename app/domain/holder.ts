/**
 * Who a key is made for. The engine in keys/ is written once and knows no product: a holder is this
 * port, and runtime.server.ts hands every kind of holder to it. Each method runs in the engine's
 * transaction and changes the holder's row only if it still waits for this generation.
 */
import type { Tx } from '~/adapters/db.server'
import type { SealedPlace } from '~/adapters/sealing.server'
import type { Ctx } from './ctx'

export type MintRefusal = {
  reason: 'banned' | 'expired-before-mint' | 'rejected-by-provider' | 'gave-up' | 'cancelled'
  detail: string | null
}

export type HolderRef = { ownerId: string; generation: number }
export type SealedKey = { hash: string; label: string; sealed: string }

export type Holder = {
  /** Where the plaintext will be sealed to. */
  place(ref: HolderRef): SealedPlace
  /**
   * Locks the holder's row: first in the order of locks (holder, mint, attempt, job, audit, pool).
   */
  lock(tx: Tx, ref: HolderRef): Promise<void>
  /**
   * Puts the key on the holder's row. False means that the holder no longer waits for it, and the
   * key must be deleted.
   */
  save(tx: Tx, ref: HolderRef, key: SealedKey): Promise<boolean>
  /** Ends the wait with a reason and returns the reservation. */
  refuse(tx: Tx, ref: HolderRef, refusal: MintRefusal): Promise<void>
  /** Records that these keys are assigned to the guardrail. */
  markBound(tx: Tx, hashes: string[], guardrailId: string): Promise<void>
  /**
   * Records why these keys are still unbound; `setAside` stops automatic retries until a person
   * retries.
   */
  markUnbound(
    tx: Tx,
    hashes: string[],
    reason: string,
    options: { setAside: boolean },
  ): Promise<void>
  /** Records that the provider has no such keys. The first time stays. */
  markMissing(tx: Tx, hashes: string[]): Promise<void>
  /**
   * Records that these keys are assigned to no guardrail after all, so that assigning is retried,
   * also for one that was set aside.
   */
  markToBind(tx: Tx, hashes: string[]): Promise<void>
  /**
   * Starts to end everything this person holds, in the caller's transaction; `bulkId` is the action
   * that does it, null where there is nothing to do. A kind of holder without it keeps what the
   * person holds.
   */
  endAllOf?(
    ctx: Ctx,
    tx: Tx,
    input: { userId: string; actorUserId: string; reason: string },
  ): Promise<{ bulkId: string | null; count: number }>
}

/** As `mints.owner_kind` writes it. A new kind gets a port in runtime.server.ts. */
export type HolderKind = 'claim' | 'sub-key'

/** Every kind of holder by its name. */
export type Holders = Readonly<Record<string, Holder>>
