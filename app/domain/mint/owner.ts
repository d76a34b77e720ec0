/**
 * Who a key is minted for. The engine in mint.server.ts is written once; an owner is this port. Every method
 * runs in the engine's transaction and changes the owner's row only if it still waits for this generation.
 */
import type { Tx } from '~/adapters/db.server'
import type { SealedPlace } from '~/adapters/sealing.server'
import type { MintRefusal } from './mint-policy'

export type OwnerRef = { ownerId: string; generation: number }
export type SealedKey = { hash: string; label: string; sealed: string }

export type MintOwner = {
  /** Where the plaintext will be sealed to. */
  place(ref: OwnerRef): SealedPlace
  /** Locks the owner's row: first in the order of locks (owner, mint, attempt, job, audit, pool). */
  lock(tx: Tx, ref: OwnerRef): Promise<void>
  /** Puts the key on the owner's row. False means the owner no longer waits for it, and the key must go. */
  save(tx: Tx, ref: OwnerRef, key: SealedKey): Promise<boolean>
  /** Ends the wait with words for a person and gives the reservation back. */
  refuse(tx: Tx, ref: OwnerRef, refusal: MintRefusal): Promise<void>
  /** Records that these keys hang on the guardrail now. */
  markBound(tx: Tx, hashes: string[], guardrailId: string): Promise<void>
  /** Records why these keys are still unbound; `setAside` stops the automatic tries until a person retries. */
  markUnbound(
    tx: Tx,
    hashes: string[],
    reason: string,
    options: { setAside: boolean },
  ): Promise<void>
  /** Records that the provider has no such keys. The first time stays. */
  markMissing(tx: Tx, hashes: string[]): Promise<void>
  /** Records that these keys hang on no guardrail after all, so that a bind tries again, also with one that was set aside. */
  markToBind(tx: Tx, hashes: string[]): Promise<void>
}
