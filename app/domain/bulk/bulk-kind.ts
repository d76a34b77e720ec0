/** What a bulk action does to each of its subjects. */
import type { AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'

export type BulkRun = {
  id: string
  kind: string
  /** As given to startBulk, JSON read back: a kind parses what is its own. */
  params: unknown
  /** A workshop's slug, or null for what has no workshop. */
  scope: string | null
  reason: string | null
  actor: AuditActor
}

/**
 * A detail is a code that the pages turn into a sentence, or what a person or a provider said. The
 * same cause has the same detail, because details are counted.
 */
export type BulkItemResult =
  'done' | { done: string } | { skipped: string } | { failed: string } | { later: number }

/**
 * `run` is called at least once for every subject, again after a crash, and once in a while beside
 * itself: it must be idempotent for a subject. It may throw a ProviderError: an error that passes is
 * waited for, a rejection fails the item. `later` is a number of seconds after which to ask again.
 */
export type BulkKind = {
  name: string
  run(ctx: Ctx, bulk: BulkRun, subject: string): Promise<BulkItemResult>
}
