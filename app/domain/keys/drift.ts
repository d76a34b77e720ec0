/**
 * Drift: where the provider and our rows disagree. Pure: what is compared comes in, the
 * disagreements come out, each with a sentence for what is wrong and for what the repair would do. A key
 * that is neither held by a row nor named with our installation id is foreign: it is not even
 * mentioned.
 */
import type { HolderKind } from '../holder'
import { createHash } from 'node:crypto'
import type { GuardrailRules, UpstreamGuardrail, UpstreamKey } from '~/adapters/key-provider'
import type { NanoUsd } from '~/money'

/**
 * In the order in which they are shown and fixed: a guardrail must be right before keys are bound
 * to it.
 */
export const driftKinds = [
  'guardrail-differs',
  'orphan',
  'unbound',
  'disabled',
  'wrong-limit',
  'wrong-expiry',
  'dangling',
  'unexplained',
] as const
export type DriftKind = (typeof driftKinds)[number]

/** What the fix does. `null` on a drift: a person decides. */
export type DriftFix =
  | { do: 'delete-orphan'; attemptId: string; hash: string }
  /** Without a row of ours (null), a key that was given out once. */
  | { do: 'switch-off'; hash: string; keyId: string | null }
  | { do: 'switch-on'; hash: string; keyId: string }
  | {
      do: 'set-limit'
      hash: string
      keyId: string
      limit: NanoUsd
      limitReset: 'daily' | 'weekly' | 'monthly' | null
    }
  | { do: 'bind'; keyId: string; hash: string }
  | { do: 'mark-missing'; keyId: string; hash: string }
  | { do: 'ensure-guardrail'; slug: string; guardrailId: string | null }

export type Drift = {
  /** The same disagreement with the same fix has the same id in every plan. */
  id: string
  kind: DriftKind
  /** "claim:<uuid>", "key:<hash>", "attempt:<uuid>" or "guardrail:<slug>". */
  subject: string
  claimId: string | null
  keyHash: string | null
  workshopSlug: string | null
  /** What is wrong, in a sentence or two. */
  what: string
  /** What the repair would do, as a sentence; null when a person decides. */
  repair: string | null
  act: DriftFix | null
}

/** A key as a row of ours holds it (keymint.held_keys). */
export type HeldKey = {
  keyId: string
  holderKind: HolderKind
  holderId: string
  generation: number
  scope: string
  hash: string
  retired: boolean
  /** Its owner may use it now: its state says so and its time has not passed. */
  live: boolean
  /**
   * Should be disabled. A key whose right has ended by time may be on: it has ended upstream too.
   */
  wantedDisabled: boolean
  limit: NanoUsd | null
  limitReset: 'daily' | 'weekly' | 'monthly' | null
  expiresAt: Date | null
  savedLately: boolean
  endedLately: boolean
  wantsGuardrail: boolean
  bound: boolean
  bindError: string | null
  missingSince: Date | null
  /** A change of it at the provider is under way: what it changes is not judged meanwhile. */
  changing: boolean
}

export type KeyAttempt = {
  id: string
  name: string
  state: string
  keyHash: string | null
  inFlight: boolean
  holderKind: HolderKind
  holderId: string
  scope: string
}

/** A workshop's guardrail: what it should be, what it is, and which keys are assigned to it. */
export type GuardrailState = {
  slug: string
  /** null when the file is gone: then only its existence is asked for. */
  rules: GuardrailRules | null
  cachedId: string | null
  upstream: UpstreamGuardrail | null
  assigned: Set<string>
}

/** Everything that is compared. Upstream was read first, the rows after. */
export type Snapshot = {
  now: Date
  installationPrefix: string
  upstream: UpstreamKey[]
  attempts: KeyAttempt[]
  held: HeldKey[]
  /**
   * Hashes that rows hold, of which the provider said, asked for each by itself, that it has no
   * such key.
   */
  gone: Set<string>
  /** null: guardrails were not looked at. */
  guardrails: Map<string, GuardrailState> | null
  /** Model ids to canonical slugs, as which the provider gives them back. */
  canonicalSlugs: Map<string, string>
}

/** The first characters of a claim's id, as people see them on its page. */
export const claimReference = (claimId: string) => claimId.slice(0, 8).toUpperCase()

/**
 * Gives a drift its lasting id: made of what it is about and what the fix aims at, not of what was
 * found.
 */
export function withId(drift: Omit<Drift, 'id'>): Drift {
  const aim = drift.act ? Object.values(drift.act).map(String) : []
  const id = createHash('sha256')
    .update(JSON.stringify([drift.kind, drift.subject, drift.keyHash, ...aim]))
    .digest('hex')
    .slice(0, 16)
  return { id, ...drift }
}
