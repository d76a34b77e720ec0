/**
 * What staff can do to claims, one at a time or to many at once. Every one of them is carried out
 * by a bulk action (a row, its items and a job), so that a crash between our row and the provider's
 * answer is finished and not forgotten.
 */
import type { NanoUsd } from '~/money'

export type ClaimAction =
  /** Mints again for a refused claim. */
  | { kind: 'retry' }
  /** Assigns the guardrail again, also to a key that was set aside. */
  | { kind: 'bind' }
  /** Tries what waits for the provider now, whatever pause earlier failures have led to. */
  | { kind: 'try-now' }
  | { kind: 'disable' }
  | { kind: 'enable' }
  /**
   * The cap of the key, within the pool. Raising: reserve, PATCH, confirm. Lowering: PATCH,
   * confirm, release.
   */
  | { kind: 'set-limit'; limit: NanoUsd }
  | { kind: 'revoke'; mayClaimAgain: boolean }
  /** A new key with what is left of the old one, which is disabled first. */
  | { kind: 're-issue' }
  /** A new key with what is left and a later end; the old one is retired after a grace time. */
  | { kind: 'extend'; expiresAt: Date }

export type ClaimActionKind = ClaimAction['kind']

/**
 * Claims of one workshop, by id or by the filter of the page; a filter is resolved once, when the
 * action is made.
 */
export type ClaimSelection = { claimIds: string[] } | { filter: ClaimFilter }

/** The filter of /admin/w/:slug, as it stands in the URL. */
export type ClaimFilter = {
  state?: 'pending' | 'ready' | 'ended' | 'refused'
  fact?: 'unbound' | 'disabled' | 'missing' | 'over-limit'
  /**
   * Free text: part of a name, an email, a key label, or the beginning of a key hash or claim id.
   */
  text?: string
}
