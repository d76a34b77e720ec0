/**
 * Reconcile: what stands at the provider against our rows. This plan changes nothing: staff look at
 * it and carry out what they choose. What is ours and only goes down is repaired without them, by
 * the reading of the account. A key that is not provably ours is never touched.
 */
import type { Ctx } from '../ctx'
import { classify } from './classify'
import type { Drift } from './drift'
import { readSnapshot } from './held-keys.server'

export type ReconcilePlan = {
  asOf: Date
  /**
   * Keys of the account (of its workspace, where one is set), and those among them that bear our
   * installation id.
   */
  upstream: number
  ours: number
  /** Keys that rows hold and the list does not show, too many to ask about in one pass. */
  unverified: number
  drifts: Drift[]
}

/**
 * Looks at everything and changes nothing: the dry run. Throws ProviderError if a list cannot be
 * read whole.
 */
export async function planReconcile(ctx: Ctx): Promise<ReconcilePlan> {
  const snapshot = await readSnapshot(ctx, { guardrails: true })
  return {
    asOf: snapshot.now,
    upstream: snapshot.upstream.length,
    ours: countOurs(snapshot),
    unverified: snapshot.unverified,
    drifts: classify(snapshot),
  }
}

function countOurs(snapshot: { upstream: { name: string }[]; installationPrefix: string }): number {
  return snapshot.upstream.filter((key) => key.name.startsWith(snapshot.installationPrefix)).length
}
