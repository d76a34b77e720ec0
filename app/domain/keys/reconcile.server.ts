/**
 * Reconcile: what stands at the provider against our rows. The scheduled pass does only what is
 * safe without a person: it removes keys whose attempt is condemned, or can be, and marks rows
 * whose key is gone. Everything else is planned, shown, and done by a press. A key that is not
 * provably ours is never touched.
 */
import type { Ctx } from '../ctx'
import { classify } from './classify'
import type { Drift } from './drift'
import { act } from './repair.server'
import { readSnapshot } from './held-keys.server'

export type ReconcileReport = {
  /** Keys upstream that carry our installation id. */
  ours: number
  /** Condemned and deleted now. */
  deleted: number
  /** Condemned, but the provider did not confirm the delete. */
  deleteFailed: number
  /** Our installation id, but no attempt of that name: a person decides. */
  unexplained: string[]
  /** Rows whose key the provider says is gone. */
  dangling: number
}

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

/**
 * One scheduled pass. `dryRun` reports what a pass would do and changes nothing. Throws
 * ProviderError if the list cannot be read whole.
 */
export async function reconcileKeys(
  ctx: Ctx,
  options: { dryRun?: boolean } = {},
): Promise<ReconcileReport> {
  const snapshot = await readSnapshot(ctx, { guardrails: false })
  const drifts = classify(snapshot)
  const names = new Map(snapshot.upstream.map((key) => [key.hash, key.name]))
  const report: ReconcileReport = {
    ours: countOurs(snapshot),
    deleted: 0,
    deleteFailed: 0,
    unexplained: drifts
      .filter((drift) => drift.kind === 'unexplained')
      .map((drift) => names.get(drift.keyHash ?? '') ?? ''),
    dangling: drifts.filter((drift) => drift.kind === 'dangling').length,
  }
  for (const drift of drifts) {
    if (drift.act?.do !== 'delete-orphan' && drift.act?.do !== 'mark-missing') continue
    const outcome = options.dryRun ? 'fixed' : (await act(ctx, 'worker', drift, drift.act)).outcome
    if (drift.act.do === 'delete-orphan' && outcome === 'fixed') report.deleted++
    if (drift.act.do === 'delete-orphan' && outcome === 'failed') report.deleteFailed++
  }
  if (report.deleted + report.deleteFailed + report.unexplained.length + report.dangling > 0)
    ctx.log.info({ report }, 'reconcile found drift')
  return report
}

function countOurs(snapshot: { upstream: { name: string }[]; installationPrefix: string }): number {
  return snapshot.upstream.filter((key) => key.name.startsWith(snapshot.installationPrefix)).length
}
