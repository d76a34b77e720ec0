/**
 * Reconcile: the provider's list of keys against our attempts. It removes keys whose attempt is condemned, or can
 * be, and nothing else: a name that is not in our own mint_attempts is never touched. Everything upstream is
 * listed first and the database read after, so that a key saved meanwhile is seen as saved.
 */
import type { UpstreamKey } from '~/adapters/openrouter.server'
import { condemn, deleteCondemned, upstreamNamePrefix } from '../mint/attempts.server'
import type { Ctx } from '../ctx'

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

/** A `sent` attempt younger than this may still be saved by the worker that made it. */
const sentGraceSeconds = 60

/** One pass. `dryRun` reports what a pass would delete and changes nothing. Throws ProviderError if the list cannot be read whole. */
export async function reconcileKeys(ctx: Ctx, options: { dryRun?: boolean } = {}): Promise<ReconcileReport> {
  const [work] = await ctx.db.$queryRaw<{ any: boolean }[]>`select exists (select 1 from keymint.mint_attempts) as any`
  if (!work?.any) return { ours: 0, deleted: 0, deleteFailed: 0, unexplained: [], dangling: 0 }
  const upstream = await ctx.provider.listKeys()
  const prefix = upstreamNamePrefix(ctx.installationId)
  const ours = upstream.filter((key) => key.name.startsWith(prefix))
  const report: ReconcileReport = { ours: ours.length, deleted: 0, deleteFailed: 0, unexplained: [], dangling: 0 }
  for (const { key, attemptId, verdict } of await judge(ctx, ours)) {
    if (verdict === 'unexplained') report.unexplained.push(key.name)
    if (verdict !== 'remove' || attemptId === null) continue
    const removal = options.dryRun ? 'deleted' : await removeKey(ctx, attemptId, key)
    if (removal === 'deleted') report.deleted++
    if (removal === 'failed') report.deleteFailed++
  }
  report.dangling = await findDangling(ctx, upstream, options)
  if (report.deleted + report.deleteFailed + report.unexplained.length + report.dangling > 0) ctx.log.info({ report }, 'reconcile found drift')
  return report
}

type Judged = { key: UpstreamKey; attemptId: string | null; verdict: 'held' | 'in-flight' | 'remove' | 'unexplained' }

async function judge(ctx: Ctx, keys: UpstreamKey[]): Promise<Judged[]> {
  type Row = { id: string; name: string; state: string; keyHash: string | null; inFlight: boolean }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select a.id, a.name, a.state, a.key_hash as "keyHash",
      a.state = 'sent' and a.token = m.fencing_token and m.state = 'pending' and a.sent_at > now() - make_interval(secs => ${sentGraceSeconds}::int) as "inFlight"
    from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where a.name = any(${keys.map((key) => key.name)})`
  const byName = new Map(rows.map((row) => [row.name, row]))
  return keys.map((key): Judged => {
    const attempt = byName.get(key.name)
    if (!attempt) return { key, attemptId: null, verdict: 'unexplained' }
    if (attempt.state === 'saved') return { key, attemptId: attempt.id, verdict: attempt.keyHash === key.hash ? 'held' : 'unexplained' }
    return { key, attemptId: attempt.id, verdict: attempt.inFlight ? 'in-flight' : 'remove' }
  })
}

/** Condemning comes first: if a save wins instead, the key stays. */
async function removeKey(ctx: Ctx, attemptId: string, key: UpstreamKey): Promise<'deleted' | 'failed' | 'kept'> {
  if (!(await condemn(ctx.db, attemptId, key.hash))) return 'kept'
  return (await deleteCondemned(ctx, attemptId, key.hash)) ? 'deleted' : 'failed'
}

/** Rows whose key is not in the list: the provider is asked again about each before it counts as gone. */
async function findDangling(ctx: Ctx, upstream: UpstreamKey[], options: { dryRun?: boolean }): Promise<number> {
  const listed = new Set(upstream.map((key) => key.hash))
  const held = await ctx.db.$queryRaw<{ hash: string }[]>`
    select key_hash as hash from keymint.held_keys where live and expires_at > now() and key_saved_at < now() - interval '30 s'`
  let dangling = 0
  for (const { hash } of held.filter((key) => !listed.has(key.hash))) {
    if ((await ctx.provider.findKey(hash)) !== null) continue
    dangling++
    if (!options.dryRun) await ctx.db.$executeRaw`update keymint.workshop_attendance set upstream_missing_at = coalesce(upstream_missing_at, now()) where or_key_hash = ${hash}`
  }
  return dangling
}
